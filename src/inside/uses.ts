import { type Elf, offsetOf, type Region } from './elf.ts';

/** Maximum bytes of a string. */
const LONGEST_TEXT = 8 * 1024 * 1024;
/** Maximum headers and instructions stored; the largest operators have a million. */
const MOST_USES = 4_000_000;
const WORD = 2 ** 32;
/** Bytes that do not occur in texts: control characters except tab and line breaks. */
const FOREIGN = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number((byte < 0x20 && byte !== 0x0a && byte !== 0x09 && byte !== 0x0d) || byte === 0x7f),
);

/** All uses of constants in a program. */
export interface Uses {
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
export function usesIn(elf: Elf): Uses {
  const found = new Pairs();
  const view = viewOf(elf.bytes);
  for (const region of elf.regions) {
    if (!region.executable) headers(elf, view, region, found);
    else if (elf.machine === 'x86-64') addresses(elf, view, region, found);
  }
  return { pairs: found.sorted(), incomplete: found.isFull };
}

/** Returns a view of a buffer, which reads numbers several times as fast as the buffer itself. */
export function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Reads a string header (address and length) at an offset; undefined if there is none. */
export function headerAt({ bytes, data }: Elf, view: DataView, at: number): StringHeader | undefined {
  if (at < 0 || at + 16 > view.byteLength || view.getUint32(at + 12, true) !== 0) return undefined;
  const length = view.getUint32(at + 8, true);
  const address = view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
  if (length === 0 || length > LONGEST_TEXT || address === 0) return undefined;
  const target = offsetOf(data, address, length);
  return target === undefined || !isText(bytes, target, length) ? undefined : { target, length };
}

/** Checks the first and last bytes only. */
function isText(bytes: Buffer, start: number, length: number): boolean {
  const last = start + length - 1;
  for (let i = 0; i < 8 && i < length; i++) {
    if (FOREIGN[bytes[start + i] ?? 0] || FOREIGN[bytes[last - i] ?? 0]) return false;
  }
  return true;
}

function headers(elf: Elf, view: DataView, region: Region, found: Pairs): void {
  const start = region.offset + ((8 - (region.address % 8)) % 8);
  const end = region.offset + region.size - 16;
  for (let at = start; at <= end; at += 8) {
    // Rejects nearly every word: lengths are small, and addresses are not.
    if (view.getUint32(at + 12, true) !== 0 || view.getUint32(at + 8, true) === 0) continue;
    const header = headerAt(elf, view, at);
    if (header !== undefined) found.add(at, header.target);
  }
}

/** `LEA register, [RIP + displacement]` (Intel SDM, volume 2A): REX.W 8D /r with mod 00 and r/m 101. */
function addresses({ bytes, data }: Elf, view: DataView, { offset, address, size }: Region, found: Pairs): void {
  const shift = address - offset;
  const end = offset + size - 6;
  // indexOf is several times as fast as a loop over all bytes.
  for (let at = bytes.indexOf(0x8d, offset + 1); at >= 0 && at <= end; at = bytes.indexOf(0x8d, at + 1)) {
    if (((bytes[at + 1] ?? 0) & 0xc7) !== 0x05 || ((bytes[at - 1] ?? 0) & 0xfb) !== 0x48) continue;
    const target = offsetOf(data, at + 6 + shift + view.getInt32(at + 2, true), 1);
    if (target !== undefined) found.add(at + 2, target);
  }
}

/** Growing list of pairs of use and target, added in order of use. */
class Pairs {
  #words = new Uint32Array(1 << 16);
  #length = 0;

  get isFull(): boolean {
    return this.#length >= MOST_USES * 2;
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
    let most = 0;
    for (let at = 1; at < pairs.length; at += 2) most = Math.max(most, pairs[at] ?? 0);
    const bits = Math.ceil((32 - Math.clz32(most)) / 2);
    return ordered(ordered(pairs, 0, bits), bits, bits);
  }
}

/** Sorts pairs by `bits` bits of their targets (stable counting sort). */
function ordered(pairs: Uint32Array, from: number, bits: number): Uint32Array {
  const mask = 2 ** bits - 1;
  const places = new Uint32Array(mask + 2);
  for (let at = 1; at < pairs.length; at += 2) {
    const key = ((pairs[at] ?? 0) >>> from) & mask;
    places[key + 1] = (places[key + 1] ?? 0) + 2;
  }
  for (let key = 1; key < places.length; key++) places[key] = (places[key] ?? 0) + (places[key - 1] ?? 0);
  const result = new Uint32Array(pairs.length);
  for (let at = 1; at < pairs.length; at += 2) {
    const target = pairs[at] ?? 0;
    const key = (target >>> from) & mask;
    const place = places[key] ?? 0;
    result[place] = pairs[at - 1] ?? 0;
    result[place + 1] = target;
    places[key] = place + 2;
  }
  return result;
}
