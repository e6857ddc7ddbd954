import { type Elf, offsetOf, readWord } from './elf.ts';
import type { GoString } from './go-strings.ts';

/** Maximum bytes of a variable before a header in it; lists of defaults are among the largest. */
const LARGEST = 4096;
/** Maximum headers whose variables are searched, and maximum uses of one. */
const MOST_HEADERS = 500;
const MOST_USES = 8;
/** Maximum instructions read; the largest operators have a million. */
const MOST_REFERENCES = 4_000_000;

/** Variable or array that contains a string header: the last address before the header that something takes. */
interface Holder {
  readonly place: number;
  start: number;
  uses: number[];
}

/**
 * Adds code uses to constants that are only in data, in a variable or in the array of a slice: the uses of the variable
 * that contains their header. Variables start at addresses that code or data refer to.
 */
export function withHolders<C extends GoString>(elf: Elf, constants: readonly C[]): C[] {
  const only = constants.filter(({ code, data }) => code.length === 0 && data.length > 0).slice(0, MOST_HEADERS);
  if (only.length === 0) return [...constants];
  const headers = only.map(({ data: [header = 0] }) => header);
  const listed = holdersOf(elf, headers, pointers);
  // Code takes the address of the slice; only the slice points to its elements.
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

/** Takes the target as the start of the variable of all near headers after it, unless a later start is known. */
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

/** Reports pointers in data that point to data. */
function pointers({ bytes, data }: Elf, found: (target: number, at: number) => void): void {
  const writable = data.filter((region) => region.writable);
  for (const { offset, size, address } of writable) {
    for (let at = offset + ((8 - (address % 8)) % 8); at + 8 <= offset + size; at += 8) {
      const target = offsetOf(writable, readWord(bytes, at), 1);
      if (target !== undefined) found(target, at);
    }
  }
}

/** Reports data addresses in 64-bit RIP-relative `MOV` and `LEA` instructions (Intel SDM, volume 2). */
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
 * Returns the offsets of opcodes whose target is between `first` and `last`, both relative to the start of the code.
 * This loop visits every byte of the code, so it does nothing else.
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
