import { type Elf, offsetOf, readWord } from './elf.ts';
import type { Functions } from './functions.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isDigest, isImageSetting, isVersion } from './names.ts';

/** A program, as far as its code says what belongs together. */
export interface Code {
  readonly elf: Elf;
  readonly strings: GoStrings;
  /** Undefined: nobody can say where one ends. */
  readonly functions: Functions | undefined;
}

/** Bytes of code before and behind the use of a name in which the version for it is loaded, as Go compiles calls of Sprintf and sums of strings. */
const WINDOW = 96;
/** Bytes of a called function in which it loads what it returns. */
const GETTER = 48;

/** Characters of the name of a setting. */
const LONGEST_SETTING = 125;
/** Versions beside one name; with more of them it is a list. */
const MOST_BESIDE = 3;
/** Headers side by side that are looked at; a large operator has some ten thousand. */
const MOST_RECORDS = 1_000_000;

/**
 * The versions and digests that the function around the uses of a constant loads: a variable that the linker filled in, another
 * constant, or what a small function returns. They are what the name is put together with. What stands on the likelier
 * side comes first, and there the nearest: the parts of a text are loaded before its pattern, and a key of a map before
 * its value.
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

/** The constants that the code around a use takes, the name of a setting or of a flag among them. */
export function constantsBeside(program: Code, { code }: Pick<GoString, 'code'>): string[] {
  return code.flatMap((use) =>
    loadsAround(program, use, WINDOW / 2).flatMap(({ target }) => program.strings.at(target)?.text ?? []),
  );
}

/**
 * The constants that the same function takes before and behind a use, as far as a version may be away or so many bytes; the
 * nearest first.
 */
export function constantsNear(program: Code, use: number, reach = WINDOW): string[] {
  const near = loadsAround(program, use, reach).toSorted((a, b) => Math.abs(a.at - use) - Math.abs(b.at - use));
  return [...new Set(near.flatMap(({ target }) => program.strings.at(target)?.text ?? []))];
}

/** The name of the setting beside which the code takes a constant, if that says image. */
export function settingBeside(program: Code, { code }: Pick<GoString, 'code'>): string | undefined {
  const { elf, strings } = program;
  for (const use of code) {
    for (const { target } of loadsAround(program, use, WINDOW / 2)) {
      // Nearly all fail here; what a constant is, is dear to find out.
      if (!/image/i.test(elf.bytes.toString('latin1', target, target + LONGEST_SETTING))) continue;
      const text = strings.at(target)?.text;
      if (text !== undefined && isImageSetting(text)) return text;
    }
  }
  return undefined;
}

/** A constant at the place, or the one that a variable there holds. */
function textAt(strings: GoStrings, target: number): string | undefined {
  return strings.header(target) ?? strings.at(target)?.text;
}

/** What the code of one function loads so many bytes before and behind a place. */
function loadsAround({ elf, functions }: Code, use: number, reach: number): { target: number; at: number }[] {
  const { start, end } = functions?.extentAt(use) ?? { start: 0, end: elf.bytes.length };
  return loads(elf, Math.max(use - reach, start), Math.min(use + reach, end));
}

/** What instructions in a stretch of code load or take the address of, relative to themselves; through one call too. */
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
    // A function ends here; what follows is another one.
    if (isCalled && mode === 0xc3) break;
    if (!isRelative && !isCall) continue;
    const target = offsetOf(regions, at + 4 + shift + bytes.readInt32LE(at), 1);
    if (target === undefined) continue;
    if (isRelative) found.push({ target, at });
    else found.push(...loads(elf, target, target + GETTER, true).map((load) => ({ target: load.target, at })));
  }
  return found;
}

/** A name and a version that stand side by side in data: fields of a record. */
export interface Pair {
  readonly name: string;
  readonly version: string;
  /** Of the name's header. */
  readonly offset: number;
}

/**
 * Pairs of adjacent string headers of which one is a version and the other a name: how operators keep a list of
 * components whose registry stands elsewhere.
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
