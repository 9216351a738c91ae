/** Nix store paths. Source of the rules: Nix, `src/libstore/path.cc`. */
import * as Nix32 from "./Nix32.ts";

/** The store directory of every binary cache that ncps can serve: go-nix knows no other. */
export const STORE_DIRECTORY = "/nix/store/";

/** 160 bits in nix32. */
export const HASH_LENGTH = 32;

/** Nix's `StorePath::MaxPathLen`, in characters. */
const NAME_LENGTH_MAX = 211;

/** Allowed in a name: letters, digits and `+-._?=`. */
const nameCharacters = new Uint8Array(128);
for (const character of "+-._?=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  nameCharacters[character.charCodeAt(0)] = 1;
}

/** Whether `text` is the 32-character hash part of a store path. */
export const isHash = (text: string): boolean =>
  text.length === HASH_LENGTH && Nix32.isAlphabetic(text, 0, HASH_LENGTH);

/** What is wrong with the base name that `text` holds from `start` on; undefined when it is valid. */
export const problem = (text: string, start = 0): string | undefined => {
  const name = start + HASH_LENGTH + 1;
  if (text.length < name) return "is too short";
  if (!Nix32.isAlphabetic(text, start, start + HASH_LENGTH)) return "does not begin with 32 characters of nix32";
  if (text.charCodeAt(name - 1) !== 45) return "has no `-` after its hash";
  const length = text.length - name;
  if (length === 0) return "has an empty name";
  if (length > NAME_LENGTH_MAX) return `has a name longer than ${NAME_LENGTH_MAX} characters`;
  for (let i = name; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127 || nameCharacters[code] === 0) return "has a character that names may not have";
  }
  return text.charCodeAt(name) === 46 && isDotComponent(text, name)
    ? "has a name whose first dash-separated part is `.` or `..`"
    : undefined;
};

const isDotComponent = (text: string, name: number): boolean => {
  const afterDots = text.charCodeAt(name + 1) === 46 ? name + 2 : name + 1;
  return afterDots === text.length || text.charCodeAt(afterDots) === 45;
};

/** What is wrong with an absolute store path; undefined when it is valid. */
export const absoluteProblem = (text: string): string | undefined =>
  text.startsWith(STORE_DIRECTORY) ? problem(text, STORE_DIRECTORY.length) : `is not in ${STORE_DIRECTORY}`;

/** The hash part of a valid absolute store path. */
export const hashPart = (path: string): string =>
  path.slice(STORE_DIRECTORY.length, STORE_DIRECTORY.length + HASH_LENGTH);
