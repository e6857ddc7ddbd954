import { type Elf, offsetOf, readWord } from './elf.ts';
import type { GoString } from './go-strings.ts';

/** Bytes of a variable before a header in it; lists of defaults are larger than most. */
const LARGEST = 4096;
/** Headers whose variables are looked for, and uses of one. */
const MOST_HEADERS = 500;
const MOST_USES = 8;
/** The largest operators have a million. */
const MOST_REFERENCES = 4_000_000;

/** What begins last before a place in data, and what takes it. */
interface Holder {
  readonly place: number;
  start: number;
  uses: number[];
}

/**
 * Constants that stand only in data, in a variable or behind a slice, with the places in the code that take that variable:
 * the one that begins last before the header, as far as the code and the data say where variables begin.
 */
export function withHolders<C extends GoString>(elf: Elf, constants: readonly C[]): C[] {
  const only = constants.filter(({ code, data }) => code.length === 0 && data.length > 0).slice(0, MOST_HEADERS);
  if (only.length === 0) return [...constants];
  const headers = only.map(({ data: [header = 0] }) => header);
  const listed = holdersOf(elf, headers, pointers);
  // The code takes the slice, and only that says where its elements are.
  const slices = [...listed.values()].flatMap(({ uses }) => uses);
  const taken = holdersOf(elf, [...headers, ...slices], references);
  return constants.map((constant) => {
    const [header = -1] = constant.data;
    if (constant.code.length > 0 || !listed.has(header)) return constant;
    const [list, variable] = [listed.get(header), taken.get(header)];
    const isListed = (list?.start ?? -1) > (variable?.start ?? -1);
    const code = isListed ? list?.uses.flatMap((slice) => taken.get(slice)?.uses ?? []) : variable?.uses;
    return { ...constant, code: (code ?? []).slice(0, MOST_USES) };
  });
}

type Each = (elf: Elf, found: (target: number, at: number) => void) => void;

function holdersOf(elf: Elf, places: readonly number[], each: Each): Map<number, Holder> {
  const holders = new Map(places.map((place): [number, Holder] => [place, { place, start: -1, uses: [] }]));
  const sorted = [...holders.values()].toSorted((a, b) => a.place - b.place);
  each(elf, (target, at) => note(sorted, target, at));
  return holders;
}

/** What begins at the target is the holder of all places behind it that are near enough, unless another begins later. */
function note(holders: readonly Holder[], target: number, at: number): void {
  let [low, high] = [0, holders.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((holders[middle]?.place ?? 0) < target) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < holders.length; i++) {
    const holder = holders[i] as Holder;
    if (holder.place - target > LARGEST) return;
    if (target < holder.start) continue;
    if (target > holder.start) {
      holder.start = target;
      holder.uses = [];
    }
    if (holder.uses.length < MOST_USES) holder.uses.push(at);
  }
}

/** Addresses in data of what lies in data. */
function pointers({ bytes, data }: Elf, found: (target: number, at: number) => void): void {
  const writable = data.filter((region) => region.writable);
  for (const { offset, size, address } of writable) {
    for (let at = offset + ((8 - (address % 8)) % 8); at + 8 <= offset + size; at += 8) {
      const target = offsetOf(writable, readWord(bytes, at), 1);
      if (target !== undefined) found(target, at);
    }
  }
}

/** What the code loads or takes the address of, relative to itself: `MOV` and `LEA` of 64 bits (Intel SDM, volume 2). */
function references({ bytes, regions, data }: Elf, found: (target: number, at: number) => void): void {
  const writable = data.filter((region) => region.writable);
  const first = Math.min(...writable.map(({ address }) => address));
  const end = Math.max(...writable.map(({ address, size }) => address + size));
  for (const { offset, size, address, executable } of regions) {
    if (!executable) continue;
    const code = bytes.subarray(offset, offset + size);
    for (const at of instructions(code, first - address, end - address)) {
      const target = offsetOf(writable, address + at + 6 + code.readInt32LE(at + 2), 1);
      if (target !== undefined) found(target, offset + at + 2);
    }
  }
}

/**
 * Offsets of their operation codes, of those that lead somewhere between two places, as seen from where the code begins.
 * Every byte of the code is looked at, so nothing else happens here.
 */
function instructions(code: Buffer, first: number, last: number): number[] {
  const found: number[] = [];
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const end = code.length - 6;
  for (let at = 1; at < end && found.length < MOST_REFERENCES; at++) {
    const opcode = code[at];
    if (opcode !== 0x8b && opcode !== 0x8d) continue;
    if (((code[at + 1] as number) & 0xc7) !== 0x05 || ((code[at - 1] as number) & 0xfb) !== 0x48) continue;
    const target = at + 6 + view.getInt32(at + 2, true);
    if (target >= first && target < last) found.push(at);
  }
  return found;
}
