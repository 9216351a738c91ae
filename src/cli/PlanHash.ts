/** How people name a plan: by the first digits of its hash. */

/** 48 bits: enough for nobody to meet another plan by chance, few enough to be read aloud. */
export const digits = 12;

export const short = (hash: string): string => hash.slice(0, digits);

/** Whether the text could be one, of whatever plan. */
export const isHash = (text: string): boolean => text.length >= digits && /^[0-9a-f]{1,64}$/i.test(text);

/** Whether the text names this hash: all of it, or enough of its beginning. */
export const isNamed = (hash: string, text: string): boolean =>
  text.length >= digits && hash.startsWith(text.toLowerCase());
