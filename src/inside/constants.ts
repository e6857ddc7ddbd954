import type { Candidate, InsidePlace } from './candidate.ts';
import { type GoString, type GoStrings, LONGEST_NAME } from './go-strings.ts';
import {
  bareRepository,
  defaultRepository,
  isDigest,
  isOrganisation,
  looseName,
  shortRepository,
  templateOf,
  wholeName,
} from './names.ts';
import type { Nameless } from './recombine.ts';
import { namesInFile } from './text.ts';

/** Constants of a program that relate to images, by kind. */
export interface SortedConstants {
  readonly whole: readonly GoString[];
  /** Possible names with a tag such as `org/name:latest`; most are something else. */
  readonly loose: readonly GoString[];
  readonly nameless: readonly Nameless[];
  /** Defaults of settings that are versions, or a variable with a suffix: `${NAME}-cluster`. */
  readonly versions: readonly string[];
  /** Registries, repository folders, or both, with a trailing slash. */
  readonly prefixes: readonly GoString[];
  /** Possible names on Docker Hub such as `org/name`; most are something else. */
  readonly shorts: readonly GoString[];
  readonly digests: readonly GoString[];
  /** Names found in embedded texts. */
  readonly inTexts: readonly Candidate[];
  /** True if a limit was reached. */
  readonly incomplete: boolean;
}

/** Maximum bytes of embedded texts scanned in one program. */
const TEXTS = 64 * 1024 * 1024;
/** Maximum names of one kind. Real operators have about ten; only crafted programs have thousands. */
const MOST = 5000;
const PREFIX = /^[a-z0-9][a-z0-9.:-]*(?:\/[a-z0-9._-]+)*\/$/;

/**
 * Sorts the constants of a program by kind.
 * @param defaults defaults of settings, where names without a registry count too
 */
export function sortConstants(strings: GoStrings, defaults: readonly GoString[], place: InsidePlace): SortedConstants {
  const [whole, nameless, prefixes]: [GoString[], Nameless[], GoString[]] = [[], [], []];
  const [shorts, digests, loose]: [GoString[], GoString[], GoString[]] = [[], [], []];
  const inTexts: Candidate[] = [];
  const versions: string[] = [];
  let read = 0;
  let incomplete = false;
  const sort = (constant: GoString, isDefault: boolean): void => {
    const { text } = constant;
    if (isDefault && !text.includes('/')) {
      if (versions.length < MOST) versions.push(text);
      return;
    }
    const template = templateOf(text);
    const repository = isOrganisation(text)
      ? undefined
      : (bareRepository(text) ?? (isDefault ? defaultRepository(text) : undefined));
    const kind = wholeName(text) !== undefined ? whole : template || repository ? nameless : prefixes;
    incomplete ||= kind.length >= MOST;
    if (kind.length >= MOST) return;
    if (kind === whole) whole.push(constant);
    else if (template !== undefined) nameless.push({ constant, template, isOpen: true, isDefault });
    else if (repository !== undefined) {
      nameless.push({ constant, template: { before: `${repository}:`, after: '' }, isOpen: isDefault, isDefault });
    } else if (PREFIX.test(text)) prefixes.push(constant);
    else if (shortRepository(text) !== undefined && shorts.length < MOST) shorts.push(constant);
    else if (isDigest(text) && digests.length < MOST) digests.push(constant);
    else if (loose.length < MOST && looseName(text) !== undefined) loose.push(constant);
  };
  const isWanted = (bytes: Buffer, start: number, end: number): boolean => {
    if (end - start <= LONGEST_NAME) return mayBeName(bytes, start, end);
    read += end - start;
    incomplete ||= read > TEXTS;
    return read <= TEXTS && bytes.subarray(start, end).includes('image');
  };
  for (const constant of strings.find(isWanted)) {
    const { text, offset } = constant;
    if (text.length <= LONGEST_NAME && !text.includes('\n')) sort(constant, false);
    else if (inTexts.length < MOST)
      inTexts.push(...namesInFile(text, { ...place, offset }, 'text embedded in the program'));
    else incomplete = true;
  }
  for (const constant of defaults) sort(constant, true);
  return { whole, loose, nameless, versions, prefixes, shorts, digests, inTexts, incomplete };
}

/** Checks cheaply for a first byte of a name or line, and a slash or colon after it. */
function mayBeName(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] ?? 0;
  const isLine = first === 0x23 || first === 0x2d || first === 0x0a || first === 0x7b;
  const isLetter = (first >= 0x61 && first <= 0x7a) || (first >= 0x41 && first <= 0x5a);
  if (!isLine && !isLetter && !(first >= 0x30 && first <= 0x39)) return false;
  for (let at = start; at < end; at++) if (bytes[at] === 0x2f || bytes[at] === 0x3a) return true;
  return false;
}
