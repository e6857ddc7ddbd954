import type { BuildInfo } from './build-info.ts';
import type { Elf } from './elf.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isVersion } from './names.ts';
import { compare } from './newest.ts';

/** Words in names of variables that do not tell which component the version belongs to. */
const SAYS_NOTHING = /^(?:version|default|image|tag|release|current|build)$/;
/** Minimum share of a variable's name found in an image's name: 3 of 7 for `otelCol` in `opentelemetry-collector`. */
const LEAST_SHARE = 0.4;
/** Three numbers, or a release such as `0.64b0`. Two numbers with a dot are too ambiguous. */
const PRECISE = /\..*\.|\d[a-z]+\d/;
/** Version as used in tags. Four numbers are an IP address or an object identifier. */
const THREE_NUMBERS = /^v?\d{1,4}\.\d+\.\d+(?![.\d])/;
const LETTER = 0x76;
/** Minimum adjacent sorted versions that make a list. */
const LIST = 6;
/** Maximum versions, and uses of each; large operators have some hundred. */
const MOST_VERSIONS = 5000;
const MOST_USES = 3;
/** Maximum words read as headers; a large operator has some hundred thousand possible ones. */
const MOST = 2_000_000;

/** Returns the distinct versions in variables: those set by the linker if there are any, else those in data. */
export function variableVersions({ bytes, regions }: Elf, strings: GoStrings, { variables }: BuildInfo): string[] {
  const said = [...variables.values()].filter(isVersion);
  if (said.length > 0) return [...new Set(said)];
  const found = new Set<string>();
  let looked = 0;
  let seen = 0;
  for (const { offset, size, address, executable, writable } of regions) {
    if (executable || !writable) continue;
    for (let at = offset + ((8 - (address % 8)) % 8); at + 16 <= offset + size; at += 8) {
      const length = bytes.readUInt32LE(at + 8);
      if (length < 5 || length > 40 || looked++ > MOST) continue;
      const text = strings.header(at);
      if (text === undefined || !PRECISE.test(text) || !isVersion(text) || seen++ >= MOST_VERSIONS) continue;
      if (!isOlderOfList(strings, at, text)) found.add(text);
    }
  }
  return [...found];
}

/**
 * Returns constants that are versions. A list of adjacent versions in data holds all releases that the program knows;
 * only its newest one is returned.
 */
export function constantVersions(strings: GoStrings): GoString[] {
  const found: GoString[] = [];
  const isWanted = (bytes: Buffer, start: number): boolean => {
    const first = bytes[start] === LETTER ? bytes[start + 1] : bytes[start];
    return first !== undefined && first >= 0x30 && first <= 0x39;
  };
  let seen = 0;
  for (const constant of strings.find(isWanted)) {
    const { text, data, code } = constant;
    if (!THREE_NUMBERS.test(text) || !isVersion(text) || seen++ >= MOST_VERSIONS) continue;
    const headers = data.slice(0, MOST_USES);
    if (code.length > 0 || headers.some((at) => !isOlderOfList(strings, at, text))) found.push(constant);
  }
  return found;
}

/** Checks if a header belongs to a sorted list of versions and is not its newest. Plain variables are not sorted. */
function isOlderOfList(strings: GoStrings, at: number, text: string): boolean {
  return [-16, 16].some((up) => {
    const newer = climb(strings, at, text, up, 1);
    return newer > 0 && newer + climb(strings, at, text, -up, -1) + 1 >= LIST;
  });
}

/** Counts adjacent headers from an offset whose versions keep increasing or decreasing, up to the length of a list. */
function climb(strings: GoStrings, at: number, text: string, step: number, sign: number): number {
  let count = 0;
  for (let last = numbersOf(text), next = at + step; count < LIST; next += step) {
    const other = strings.header(next);
    const numbers = other === undefined || !isVersion(other) ? undefined : numbersOf(other);
    if (numbers === undefined || compare(numbers, last) * sign <= 0) break;
    last = numbers;
    count++;
  }
  return count;
}

/** Returns the value of the linker variable whose name matches the image best; undefined if none or several do. */
export function namedVersion(repository: string, { variables }: BuildInfo): string | undefined {
  const name = (repository.split('/').at(-1) ?? '').toLowerCase().replace(/[^a-z0-9]/g, '');
  const scores = [...variables].flatMap(([variable, value]) => {
    const score = isVersion(value) ? share(variable, name) : 0;
    return score >= LEAST_SHARE ? [{ score, value }] : [];
  });
  const best = Math.max(...scores.map(({ score }) => score));
  const values = new Set(scores.filter(({ score }) => score === best).map(({ value }) => value));
  return values.size === 1 ? [...values][0] : undefined;
}

/**
 * Scores the match of a variable's name with an image's name by the share of common words. A match at the end of the
 * image's name scores higher, and an equal name highest.
 */
function share(variable: string, name: string): number {
  const words = variable
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== '' && !SAYS_NOTHING.test(word));
  const all = words.join('');
  const there = words.filter((word) => name.includes(word)).join('');
  if (all === '') return 0;
  const inName = all === name ? 1 : there.length / (name.length * 10);
  return there.length / all.length + inName + (there !== '' && name.endsWith(there) ? 0.2 : 0);
}

/** Sorts versions, newest first. */
export function newestFirst(versions: readonly string[]): string[] {
  return versions.toSorted((a, b) => compare(numbersOf(b), numbersOf(a)));
}

function numbersOf(version: string): number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}
