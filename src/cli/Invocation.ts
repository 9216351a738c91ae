/** The flags that say where things are: every command we advise must repeat them, or it would look elsewhere. */
export interface Whereabouts {
  readonly environment: string | undefined;
  readonly project: string | undefined;
  readonly state: string | undefined;
  readonly sets: ReadonlyArray<string>;
}

/** Text of a command to run next, flags included, ready to paste into a shell. */
export type Advise = (words: string) => string;

const plainWord = /^[\w@%+=:,./-]+$/;

export const quote = (word: string): string => plainWord.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** `--set` goes only where a spec is read, and its text may hold a secret that a person has typed: it is left to them. */
export const advise = ({ environment, project, sets, state }: Whereabouts): Advise => {
  const flags = [
    ...(environment === undefined ? [] : [`--env ${quote(environment)}`]),
    ...(project === undefined ? [] : [`--project ${quote(project)}`]),
    ...(state === undefined ? [] : [`--state ${quote(state)}`]),
    ...(sets.length === 0 ? [] : ["--set …"]),
  ];
  return (words) => ["pipeline", words, ...flags].join(" ");
};
