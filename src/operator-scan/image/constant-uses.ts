import { type Elf, offsetOf, type Region } from './elf.ts';

/** Maximum bytes of a string. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
/** Maximum headers and instructions stored; the largest operators have a million. */
const MAX_USES = 4_000_000;
const TWO_TO_32 = 2 ** 32;
/** Bytes that do not occur in texts: control characters except tab and line breaks. */
const NOT_TEXT = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number((byte < 0x20 && byte !== 0x0a && byte !== 0x09 && byte !== 0x0d) || byte === 0x7f),
);

/** All uses of constants in a program. */
export interface ConstantUses {
  /** Pairs of use and target, both file offsets, sorted by target and then by use. */
  readonly pairs: Uint32Array;
  /** True if there were more uses than the limit. */
  readonly incomplete: boolean;
}

/** Content of a string header: `length` bytes at file offset `target`. */
export interface StringHeader {
  readonly target: number;
  readonly length: number;
}

/** Finds headers in data, and for x86-64 instructions in code, that refer to constants. */
export function findConstantUses(elf: Elf): ConstantUses {
  const pairs = new UsePairs();
  const view = dataViewOf(elf.bytes);
  for (const region of elf.regions) {
    if (!region.executable) addHeaders(elf, view, region, pairs);
    else if (elf.machine === 'x86-64') addAddressLoads(elf, view, region, pairs);
  }
  return { pairs: pairs.sorted(), incomplete: pairs.isFull };
}

/** Returns a view of a buffer, which reads numbers several times as fast as the buffer itself. */
export function dataViewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Reads a string header (address and length) at an offset; undefined if there is none. */
export function stringHeaderAt({ bytes, data }: Elf, view: DataView, position: number): StringHeader | undefined {
  if (position < 0 || position + 16 > view.byteLength || view.getUint32(position + 12, true) !== 0) return undefined;
  const length = view.getUint32(position + 8, true);
  const address = view.getUint32(position + 4, true) * TWO_TO_32 + view.getUint32(position, true);
  if (length === 0 || length > MAX_TEXT_BYTES || address === 0) return undefined;
  const target = offsetOf(data, address, length);
  return target === undefined || !isText(bytes, target, length) ? undefined : { target, length };
}

/** Checks the first and last bytes only. */
function isText(bytes: Buffer, start: number, length: number): boolean {
  const last = start + length - 1;
  for (let i = 0; i < 8 && i < length; i++) {
    if (NOT_TEXT[bytes[start + i] ?? 0] || NOT_TEXT[bytes[last - i] ?? 0]) return false;
  }
  return true;
}

function addHeaders(elf: Elf, view: DataView, region: Region, pairs: UsePairs): void {
  const start = region.offset + ((8 - (region.address % 8)) % 8);
  const end = region.offset + region.size - 16;
  for (let position = start; position <= end; position += 8) {
    // Rejects nearly every word: lengths are small, and addresses are not.
    if (view.getUint32(position + 12, true) !== 0 || view.getUint32(position + 8, true) === 0) continue;
    const header = stringHeaderAt(elf, view, position);
    if (header !== undefined) pairs.add(position, header.target);
  }
}

/** `LEA register, [RIP + displacement]` (Intel SDM, volume 2A): REX.W 8D /r with mod 00 and r/m 101. */
function addAddressLoads(
  { bytes, data }: Elf,
  view: DataView,
  { offset, address, size }: Region,
  pairs: UsePairs,
): void {
  const shift = address - offset;
  const end = offset + size - 6;
  // indexOf is several times as fast as a loop over all bytes.
  for (
    let position = bytes.indexOf(0x8d, offset + 1);
    position >= 0 && position <= end;
    position = bytes.indexOf(0x8d, position + 1)
  ) {
    if (((bytes[position + 1] ?? 0) & 0xc7) !== 0x05 || ((bytes[position - 1] ?? 0) & 0xfb) !== 0x48) continue;
    const target = offsetOf(data, position + 6 + shift + view.getInt32(position + 2, true), 1);
    if (target !== undefined) pairs.add(position + 2, target);
  }
}

/** Growing list of pairs of use and target, added in order of use. */
class UsePairs {
  #words = new Uint32Array(1 << 16);
  #length = 0;

  get isFull(): boolean {
    return this.#length >= MAX_USES * 2;
  }

  add(use: number, target: number): void {
    if (this.isFull) return;
    if (this.#length === this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#length++] = use;
    this.#words[this.#length++] = target;
  }

  /** Sorts by target with a radix sort: first by the lower half of the bits, then by the upper half. */
  sorted(): Uint32Array {
    const pairs = this.#words.subarray(0, this.#length);
    let largest = 0;
    for (let index = 1; index < pairs.length; index += 2) largest = Math.max(largest, pairs[index] ?? 0);
    const bits = Math.ceil((32 - Math.clz32(largest)) / 2);
    return countingSortPass(countingSortPass(pairs, 0, bits), bits, bits);
  }
}

/** Sorts pairs by `bits` bits of their targets (stable counting sort). */
function countingSortPass(pairs: Uint32Array, shift: number, bits: number): Uint32Array {
  const mask = 2 ** bits - 1;
  const positions = new Uint32Array(mask + 2);
  for (let index = 1; index < pairs.length; index += 2) {
    const key = ((pairs[index] ?? 0) >>> shift) & mask;
    positions[key + 1] = (positions[key + 1] ?? 0) + 2;
  }
  for (let key = 1; key < positions.length; key++) positions[key] = (positions[key] ?? 0) + (positions[key - 1] ?? 0);
  const result = new Uint32Array(pairs.length);
  for (let index = 1; index < pairs.length; index += 2) {
    const target = pairs[index] ?? 0;
    const key = (target >>> shift) & mask;
    const position = positions[key] ?? 0;
    result[position] = pairs[index - 1] ?? 0;
    result[position + 1] = target;
    positions[key] = position + 2;
  }
  return result;
}
