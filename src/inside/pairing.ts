import { type Elf, offsetOf, readWord } from './elf.ts';
import type { Functions } from './functions.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isDigest, isImageSetting, isVersion } from './names.ts';

/** Parts of a program that show which constants its code uses together. */
export interface Code {
  readonly elf: Elf;
  readonly strings: GoStrings;
  /** Undefined if function boundaries are unknown. */
  readonly functions: Functions | undefined;
}

/** Bytes of code around the use of a name in which Go loads its version, for calls of Sprintf and concatenations. */
const WINDOW = 96;
/** Bytes of a called function in which it loads its result. */
const GETTER = 48;

/** Maximum bytes of the name of a setting. */
const LONGEST_SETTING = 125;
/** Maximum versions next to one name; more of them are a list. */
const MOST_BESIDE = 3;
/** Maximum adjacent headers read; a large operator has some ten thousand. */
const MOST_RECORDS = 1_000_000;

/**
 * Returns versions and digests that are loaded near the uses of a constant by the same function: linker variables,
 * constants, or results of small functions. The code joins them with the name. Those on the likelier side come first,
 * nearest first: arguments are loaded before their format string, keys of a map before their values.
 */
export function versionsBeside(
  program: Code,
  { code }: Pick<GoString, 'code'>,
  likelier: 'before' | 'after',
): string[] {
  const found: { version: string; distance: number }[] = [];
  for (const use of code) {
    for (const { target, at } of loadsAround(program, use, WINDOW)) {
      const version = textAt(program.strings, target);
      if (version === undefined || !(isVersion(version) || isDigest(version))) continue;
      const isLikelier = at < use === (likelier === 'before');
      found.push({ version, distance: Math.abs(at - use) + (isLikelier ? 0 : WINDOW) });
    }
  }
  const sorted = found.toSorted((a, b) => a.distance - b.distance).map(({ version }) => version);
  return [...new Set(sorted)].slice(0, MOST_BESIDE);
}

/** Returns the constants that the code loads next to the uses of a constant, such as names of settings and flags. */
export function constantsBeside(program: Code, { code }: Pick<GoString, 'code'>): string[] {
  return code.flatMap((use) =>
    loadsAround(program, use, WINDOW / 2).flatMap(({ target }) => program.strings.at(target)?.text ?? []),
  );
}

/**
 * Returns the constants that the same function loads within `reach` bytes around a use, nearest first.
 */
export function constantsNear(program: Code, use: number, reach = WINDOW): string[] {
  const near = loadsAround(program, use, reach).toSorted((a, b) => Math.abs(a.at - use) - Math.abs(b.at - use));
  return [...new Set(near.flatMap(({ target }) => program.strings.at(target)?.text ?? []))];
}

/** Returns the name of an image setting that the code loads next to a constant. */
export function settingBeside(program: Code, { code }: Pick<GoString, 'code'>): string | undefined {
  const { elf, strings } = program;
  for (const use of code) {
    for (const { target } of loadsAround(program, use, WINDOW / 2)) {
      // Cheap check first: finding the bounds of a constant is expensive.
      if (!/image/i.test(elf.bytes.toString('latin1', target, target + LONGEST_SETTING))) continue;
      const text = strings.at(target)?.text;
      if (text !== undefined && isImageSetting(text)) return text;
    }
  }
  return undefined;
}

/** Returns the constant at an offset, or the value of the string variable there. */
function textAt(strings: GoStrings, target: number): string | undefined {
  return strings.header(target) ?? strings.at(target)?.text;
}

/** Returns what one function loads within `reach` bytes around a use. */
function loadsAround({ elf, functions }: Code, use: number, reach: number): { target: number; at: number }[] {
  const { start, end } = functions?.extentAt(use) ?? { start: 0, end: elf.bytes.length };
  return loads(elf, Math.max(use - reach, start), Math.min(use + reach, end));
}

/** Returns targets of RIP-relative instructions in a range of code, including those in directly called functions. */
function loads(elf: Elf, from: number, to: number, isCalled = false): { target: number; at: number }[] {
  const { bytes, regions } = elf;
  const region = regions.find(({ offset, size, executable }) => executable && to > offset && from < offset + size);
  if (region === undefined) return [];
  const shift = region.address - region.offset;
  const found: { target: number; at: number }[] = [];
  const end = Math.min(to, region.offset + region.size - 4, bytes.length - 4);
  for (let at = Math.max(from, region.offset) + 3; at < end; at++) {
    const [rex = 0, opcode = 0, mode = 0] = [bytes[at - 3], bytes[at - 2], bytes[at - 1]];
    const isRelative = (mode & 0xc7) === 0x05 && (opcode === 0x8b || opcode === 0x8d) && (rex & 0xfb) === 0x48;
    const isCall = mode === 0xe8 && !isCalled;
    // RET: the called function ends here.
    if (isCalled && mode === 0xc3) break;
    if (!isRelative && !isCall) continue;
    const target = offsetOf(regions, at + 4 + shift + bytes.readInt32LE(at), 1);
    if (target === undefined) continue;
    if (isRelative) found.push({ target, at });
    else found.push(...loads(elf, target, target + GETTER, true).map((load) => ({ target: load.target, at })));
  }
  return found;
}

/** Name and version in adjacent fields of a record in data. */
export interface Pair {
  readonly name: string;
  readonly version: string;
  /** File offset of the name's header. */
  readonly offset: number;
}

/**
 * Finds adjacent string headers of a name and a version. Operators keep lists of components this way, with the registry
 * elsewhere.
 */
export function* pairs(elf: Elf, strings: GoStrings): Generator<Pair> {
  let looked = 0;
  for (const { offset, size, address, executable, writable } of elf.regions) {
    if (executable || !writable) continue;
    const start = offset + ((8 - (address % 8)) % 8);
    for (let at = start; at + 32 <= offset + size; at += 8) {
      const length = readWord(elf.bytes, at + 8);
      const other = readWord(elf.bytes, at + 24);
      if (!(length > 0 && length <= 100 && other > 0 && other <= 100)) continue;
      if (looked++ > MOST_RECORDS) return;
      const [a, b] = [strings.header(at), strings.header(at + 16)];
      if (a === undefined || b === undefined) continue;
      if (isVersion(a) && isName(b)) yield { name: b, version: a, offset: at + 16 };
      else if (isName(a) && isVersion(b)) yield { name: a, version: b, offset: at };
    }
  }
}

function isName(text: string): boolean {
  return /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/.test(text) && !isVersion(text) && /[a-z]{2}/.test(text);
}
