import type { BuildInfo } from './build-info.ts';
import type { Elf } from './elf.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isVersion } from './names.ts';
import { compare } from './newest.ts';

/** Words of a variable's name that do not say of what it is the version. */
const SAYS_NOTHING = /^(?:version|default|image|tag|release|current|build)$/;
/** Share of a variable's name that has to be in an image's name: `otelCol` of `opentelemetry-collector` has 3 of 7. */
const LEAST_SHARE = 0.4;
/** Three numbers, or a release like `0.64b0`: two numbers with a dot are anything. */
const PRECISE = /\..*\.|\d[a-z]+\d/;
/** As tags have it; four numbers are an address or an object identifier. */
const THREE_NUMBERS = /^v?\d{1,4}\.\d+\.\d+(?![.\d])/;
const LETTER = 0x76;
/** Versions side by side, in order, that make a list. */
const LIST = 6;
/** Versions that are looked at, and uses of one; large operators have some hundred. */
const MOST_VERSIONS = 5000;
const MOST_USES = 3;
/** Words that are looked at as headers; a large operator has some hundred thousand that may be one. */
const MOST = 2_000_000;

/** Versions that variables of a program hold: what the linker filled in, and what its source says. Each once. */
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
 * Versions that are constants. Of those that stand side by side in data, which are all that the program ever knew, only
 * the newest.
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

/** Whether the header at an offset is one of a list, in order, and not of its newest version. Variables are in no order. */
function isOlderOfList(strings: GoStrings, at: number, text: string): boolean {
  return [-16, 16].some((up) => {
    const newer = climb(strings, at, text, up, 1);
    return newer > 0 && newer + climb(strings, at, text, -up, -1) + 1 >= LIST;
  });
}

/** How many headers from an offset on, as far as makes a list, hold versions that are newer each time, or older. */
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

/** The value of the linker's variable that is named like the image; undefined when none is, or two are. */
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
 * How much of a variable's name stands in an image's; more when it is the end of that, which says which of its makers'
 * images it is, and most when it is all of it.
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

/** Versions, the newest first; those before dates, which are larger as numbers and say nothing. */
export function newestFirst(versions: readonly string[]): string[] {
  return versions.toSorted((a, b) => compare(numbersOf(b), numbersOf(a)));
}

function numbersOf(version: string): number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}
