import { type Elf, offsetOf, readWord } from './elf.ts';
import type { FunctionTable } from './function-table.ts';
import type { GoString, GoStrings } from './go-strings.ts';
import { isImageSetting, isSha256Digest, isVersion } from './image-names.ts';

/** Parts of a program that show which constants its code uses together. */
export interface ProgramCode {
  readonly elf: Elf;
  readonly strings: GoStrings;
  /** Undefined if function boundaries are unknown. */
  readonly functionTable: FunctionTable | undefined;
}

/** Bytes of code around the use of a name in which Go loads its version, for calls of Sprintf and concatenations. */
const WINDOW = 96;
/** Bytes of a called function in which it loads its result. */
const GETTER_BYTES = 48;

/** Maximum bytes of the name of a setting. */
const MAX_SETTING_LENGTH = 125;
/** Maximum versions next to one name; more of them are a list. */
const MAX_VERSIONS_BESIDE = 3;
/** Maximum adjacent headers read; a large operator has some ten thousand. */
const MAX_RECORDS = 1_000_000;

/**
 * Returns versions and digests that are loaded near the uses of a constant by the same function: linker variables,
 * constants, or results of small functions. The code joins them with the name. Those on the likelier side come first,
 * nearest first: arguments are loaded before their format string, keys of a map before their values.
 */
export function nearbyVersions(
  program: ProgramCode,
  { codeOffsets }: Pick<GoString, 'codeOffsets'>,
  likelier: 'before' | 'after',
): string[] {
  const found: { version: string; distance: number }[] = [];
  for (const use of codeOffsets) {
    for (const { target, position } of loadsAround(program, use, WINDOW)) {
      const version = textAt(program.strings, target);
      if (version === undefined || !(isVersion(version) || isSha256Digest(version))) continue;
      const isLikelier = position < use === (likelier === 'before');
      found.push({ version, distance: Math.abs(position - use) + (isLikelier ? 0 : WINDOW) });
    }
  }
  const sorted = found.toSorted((a, b) => a.distance - b.distance).map(({ version }) => version);
  return [...new Set(sorted)].slice(0, MAX_VERSIONS_BESIDE);
}

/** Returns the constants that the code loads next to the uses of a constant, such as names of settings and flags. */
export function nearbyConstants(program: ProgramCode, { codeOffsets }: Pick<GoString, 'codeOffsets'>): string[] {
  return codeOffsets.flatMap((use) =>
    loadsAround(program, use, WINDOW / 2).flatMap(({ target }) => program.strings.stringAt(target)?.text ?? []),
  );
}

/**
 * Returns the constants that the same function loads within `maxDistance` bytes around a use, nearest first.
 */
export function nearestConstants(program: ProgramCode, use: number, maxDistance = WINDOW): string[] {
  const near = loadsAround(program, use, maxDistance).toSorted(
    (a, b) => Math.abs(a.position - use) - Math.abs(b.position - use),
  );
  return [...new Set(near.flatMap(({ target }) => program.strings.stringAt(target)?.text ?? []))];
}

/** Returns the name of an image setting that the code loads next to a constant. */
export function nearbySetting(
  program: ProgramCode,
  { codeOffsets }: Pick<GoString, 'codeOffsets'>,
): string | undefined {
  const { elf, strings } = program;
  for (const use of codeOffsets) {
    for (const { target } of loadsAround(program, use, WINDOW / 2)) {
      // Cheap check first: finding the bounds of a constant is expensive.
      if (!/image/i.test(elf.bytes.toString('latin1', target, target + MAX_SETTING_LENGTH))) continue;
      const text = strings.stringAt(target)?.text;
      if (text !== undefined && isImageSetting(text)) return text;
    }
  }
  return undefined;
}

/** Returns the constant at an offset, or the value of the string variable there. */
function textAt(strings: GoStrings, target: number): string | undefined {
  return strings.headerText(target) ?? strings.stringAt(target)?.text;
}

/** Returns the loads of one function within `maxDistance` bytes around a use. */
function loadsAround(
  { elf, functionTable }: ProgramCode,
  use: number,
  maxDistance: number,
): { target: number; position: number }[] {
  const { start, end } = functionTable?.extentAt(use) ?? { start: 0, end: elf.bytes.length };
  return loads(elf, Math.max(use - maxDistance, start), Math.min(use + maxDistance, end));
}

/** Returns targets of RIP-relative instructions in a range of code, including those in directly called functions. */
function loads(elf: Elf, from: number, to: number, isCalled = false): { target: number; position: number }[] {
  const { bytes, regions } = elf;
  const region = regions.find(({ offset, size, executable }) => executable && to > offset && from < offset + size);
  if (region === undefined) return [];
  const shift = region.address - region.offset;
  const found: { target: number; position: number }[] = [];
  const end = Math.min(to, region.offset + region.size - 4, bytes.length - 4);
  for (let position = Math.max(from, region.offset) + 3; position < end; position++) {
    const [rex = 0, opcode = 0, mode = 0] = [bytes[position - 3], bytes[position - 2], bytes[position - 1]];
    const isRelative = (mode & 0xc7) === 0x05 && (opcode === 0x8b || opcode === 0x8d) && (rex & 0xfb) === 0x48;
    const isCall = mode === 0xe8 && !isCalled;
    // RET: the called function ends here.
    if (isCalled && mode === 0xc3) break;
    if (!isRelative && !isCall) continue;
    const target = offsetOf(regions, position + 4 + shift + bytes.readInt32LE(position), 1);
    if (target === undefined) continue;
    if (isRelative) found.push({ target, position });
    else found.push(...loads(elf, target, target + GETTER_BYTES, true).map(({ target }) => ({ target, position })));
  }
  return found;
}

/** Name and version in adjacent fields of a record in data. */
export interface NameVersionPair {
  readonly name: string;
  readonly version: string;
  /** File offset of the name's header. */
  readonly offset: number;
}

/**
 * Finds adjacent string headers of a name and a version. Operators keep lists of components this way, with the registry
 * elsewhere.
 */
export function* nameVersionPairs(elf: Elf, strings: GoStrings): Generator<NameVersionPair> {
  let recordCount = 0;
  for (const { offset, size, address, executable, writable } of elf.regions) {
    if (executable || !writable) continue;
    const start = offset + ((8 - (address % 8)) % 8);
    for (let position = start; position + 32 <= offset + size; position += 8) {
      const firstLength = readWord(elf.bytes, position + 8);
      const secondLength = readWord(elf.bytes, position + 24);
      if (!(firstLength > 0 && firstLength <= 100 && secondLength > 0 && secondLength <= 100)) continue;
      if (recordCount++ > MAX_RECORDS) return;
      const [a, b] = [strings.headerText(position), strings.headerText(position + 16)];
      if (a === undefined || b === undefined) continue;
      if (isVersion(a) && isName(b)) yield { name: b, version: a, offset: position + 16 };
      else if (isName(a) && isVersion(b)) yield { name: a, version: b, offset: position };
    }
  }
}

function isName(text: string): boolean {
  return /^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/.test(text) && !isVersion(text) && /[a-z]{2}/.test(text);
}
