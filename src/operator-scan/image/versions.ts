import type { BuildInfo } from './build-info.ts';
import type { Elf } from './elf.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isVersion } from './image-names.ts';
import { compareVersionNumbers } from './newest-versions.ts';

/** Words in names of variables that do not tell which component the version belongs to. */
const GENERIC_WORD = /^(?:version|default|image|tag|release|current|build)$/;
/** Minimum share of a variable's name found in an image's name: 3 of 7 for `otelCol` in `opentelemetry-collector`. */
const MIN_SCORE = 0.4;
/** Three numbers, or a release such as `0.64b0`. Two numbers with a dot are too ambiguous. */
const PRECISE_VERSION = /\..*\.|\d[a-z]+\d/;
/** Version as used in tags. Four numbers are an IP address or an object identifier. */
const THREE_NUMBERS = /^v?\d{1,4}\.\d+\.\d+(?![.\d])/;
const LETTER_V = 0x76;
/** Minimum adjacent sorted versions that make a list. */
const MIN_LIST_LENGTH = 6;
/** Maximum versions, and uses of each; large operators have some hundred. */
const MAX_VERSIONS = 5000;
const MAX_USES = 3;
/** Maximum words read as headers; a large operator has some hundred thousand possible ones. */
const MAX_HEADERS = 2_000_000;

/** Returns the distinct versions in variables: those set by the linker if there are any, else those in data. */
export function variableVersions({ bytes, regions }: Elf, strings: GoStrings, { variables }: BuildInfo): string[] {
  const linked = [...variables.values()].filter(isVersion);
  if (linked.length > 0) return [...new Set(linked)];
  const found = new Set<string>();
  let headerCount = 0;
  let versionCount = 0;
  for (const { offset, size, address, executable, writable } of regions) {
    if (executable || !writable) continue;
    for (let position = offset + ((8 - (address % 8)) % 8); position + 16 <= offset + size; position += 8) {
      const length = bytes.readUInt32LE(position + 8);
      if (length < 5 || length > 40 || headerCount++ > MAX_HEADERS) continue;
      const text = strings.headerText(position);
      if (text === undefined || !PRECISE_VERSION.test(text) || !isVersion(text) || versionCount++ >= MAX_VERSIONS)
        continue;
      if (!isOlderOfList(strings, position, text)) found.add(text);
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
  const mayBeVersion = (bytes: Buffer, start: number): boolean => {
    const first = bytes[start] === LETTER_V ? bytes[start + 1] : bytes[start];
    return first !== undefined && first >= 0x30 && first <= 0x39;
  };
  let versionCount = 0;
  for (const constant of strings.find(mayBeVersion)) {
    const { text, headerOffsets, codeOffsets } = constant;
    if (!THREE_NUMBERS.test(text) || !isVersion(text) || versionCount++ >= MAX_VERSIONS) continue;
    const headers = headerOffsets.slice(0, MAX_USES);
    if (codeOffsets.length > 0 || headers.some((header) => !isOlderOfList(strings, header, text))) found.push(constant);
  }
  return found;
}

/** Reports whether a header is in a sorted list of versions and not its newest. Plain variables are not sorted. */
function isOlderOfList(strings: GoStrings, header: number, text: string): boolean {
  return [-16, 16].some((step) => {
    const newer = countOrdered(strings, header, text, step, 1);
    return newer > 0 && newer + countOrdered(strings, header, text, -step, -1) + 1 >= MIN_LIST_LENGTH;
  });
}

/** Counts adjacent headers from an offset whose versions keep increasing or decreasing, up to the length of a list. */
function countOrdered(strings: GoStrings, header: number, text: string, step: number, sign: number): number {
  let count = 0;
  for (let last = numbersOf(text), next = header + step; count < MIN_LIST_LENGTH; next += step) {
    const other = strings.headerText(next);
    const numbers = other === undefined || !isVersion(other) ? undefined : numbersOf(other);
    if (numbers === undefined || compareVersionNumbers(numbers, last) * sign <= 0) break;
    last = numbers;
    count++;
  }
  return count;
}

/** Returns the value of the linker variable whose name matches the image best; undefined if none or several do. */
export function linkedVersionOf(repository: string, { variables }: BuildInfo): string | undefined {
  const name = (repository.split('/').at(-1) ?? '').toLowerCase().replace(/[^a-z0-9]/g, '');
  const scores = [...variables].flatMap(([variable, value]) => {
    const score = isVersion(value) ? matchScore(variable, name) : 0;
    return score >= MIN_SCORE ? [{ score, value }] : [];
  });
  const best = Math.max(...scores.map(({ score }) => score));
  const values = new Set(scores.filter(({ score }) => score === best).map(({ value }) => value));
  return values.size === 1 ? [...values][0] : undefined;
}

/**
 * Scores the match of a variable's name with an image's name by the share of common words. A match at the end of the
 * image's name scores higher, and an equal name highest.
 */
function matchScore(variable: string, name: string): number {
  const words = variable
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== '' && !GENERIC_WORD.test(word));
  const joinedWords = words.join('');
  const common = words.filter((word) => name.includes(word)).join('');
  if (joinedWords === '') return 0;
  const inName = joinedWords === name ? 1 : common.length / (name.length * 10);
  return common.length / joinedWords.length + inName + (common !== '' && name.endsWith(common) ? 0.2 : 0);
}

/** Sorts versions, newest first. */
export function newestFirst(versions: readonly string[]): string[] {
  return versions.toSorted((a, b) => compareVersionNumbers(numbersOf(b), numbersOf(a)));
}

function numbersOf(version: string): number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}
