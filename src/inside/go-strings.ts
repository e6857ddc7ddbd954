import { type Elf, offsetOf, type Region, readWord } from './elf.ts';

/**
 * The constants of a Go program. Go's strings have no end mark: a constant is an address, and its length stands in a
 * header (address and length, one after the other, in data) or in an instruction near the one that takes the address.
 * The linker puts constants one after another, ordered by length, so where the next one begins, and how long those
 * around are that have a header, say the length as well.
 */
export interface GoString {
  /** In the file. */
  readonly offset: number;
  readonly text: string;
  /** Offsets of the headers in data that name it. */
  readonly data: readonly number[];
  /** Offsets in the code of the displacement of the instructions that take its address. */
  readonly code: readonly number[];
}

/** Bytes; longer constants are texts that were embedded. */
export const LONGEST_NAME = 512;
/** Bytes; the largest text that is read as one. */
const LONGEST_TEXT = 8 * 1024 * 1024;
/** Bytes around an instruction in which the length of its string stands, as the Go compiler orders them. */
const BEFORE = 34;
const AFTER = 44;
/** Bytes behind an instruction in which the very next one has its number: the length, as calls take strings in registers. */
const NEXT = 8;
/** Headers and instructions that are kept; the largest operators have a million. */
const MOST_USES = 4_000_000;

/** Every place of a program that names a constant, ordered by the constant. */
export class GoStrings {
  readonly #elf: Elf;
  /** Pairs of use and target, both offsets in the file, ordered by target. */
  readonly #uses: Uint32Array;
  /** For each different target: where its uses begin in `#uses`, and its length by a header, or 0. */
  readonly #first: Uint32Array;
  readonly #lengths: Uint32Array;
  /** For each target: the length of the next one that has a header. */
  readonly #next: Uint32Array;
  /** Whether there were more uses than are kept. */
  readonly incomplete: boolean;

  constructor(elf: Elf) {
    this.#elf = elf;
    const collected = new Uses();
    for (const region of elf.regions) {
      if (!region.executable) headers(elf, region, collected);
      else if (elf.machine === 'x86-64') addresses(elf, region, collected);
    }
    this.incomplete = collected.isFull;
    this.#uses = collected.sorted();
    const { first, lengths, next } = this.#targets();
    [this.#first, this.#lengths, this.#next] = [first, lengths, next];
  }

  /** The constants that `isWanted` takes by a look at their bytes (`start` to `end`, which may be too far), exactly. */
  *find(isWanted: (bytes: Buffer, start: number, end: number) => boolean): Generator<GoString> {
    const { bytes } = this.#elf;
    let previous = 0;
    for (let i = 0; i < this.#first.length; i++) {
      const known = this.#lengths[i] ?? 0;
      const start = this.#targetOf(i);
      const end = known > 0 ? start + known : Math.min(start + this.#gapOf(i), start + LONGEST_NAME);
      if (isWanted(bytes, start, end)) {
        const length = known || this.#lengthOf(i, previous);
        if (length > 0)
          yield { offset: start, text: bytes.toString('utf8', start, start + length), ...this.#usesOf(i) };
      }
      if (known > 0) previous = known;
    }
  }

  /** The constant that begins at an offset. */
  at(offset: number): GoString | undefined {
    let [low, high] = [0, this.#first.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#targetOf(middle) < offset) low = middle + 1;
      else high = middle;
    }
    if (this.#targetOf(low) !== offset) return undefined;
    let previous = 0;
    for (let i = low - 1; i >= 0 && previous === 0 && low - i < 1000; i--) previous = this.#lengths[i] ?? 0;
    const length = this.#lengths[low] || this.#lengthOf(low, previous);
    if (length === 0 || length > LONGEST_NAME) return undefined;
    return { offset, text: this.#elf.bytes.toString('utf8', offset, offset + length), ...this.#usesOf(low) };
  }

  /** What the string header at an offset names; undefined when there is none. */
  header(offset: number): string | undefined {
    const header = headerAt(this.#elf, offset);
    if (header === undefined || header.length > LONGEST_NAME) return undefined;
    return this.#elf.bytes.toString('utf8', header.target, header.target + header.length);
  }

  #targetOf(i: number): number {
    return this.#uses[(this.#first[i] ?? 0) + 1] ?? 0;
  }

  /** Bytes up to where the next constant begins; more than any name has where there is none. */
  #gapOf(i: number): number {
    return i + 1 < this.#first.length ? this.#targetOf(i + 1) - this.#targetOf(i) : LONGEST_NAME + 1;
  }

  /**
   * The length of a constant without a header; 0 when nothing says it for certain.
   * @param previous length of the last constant before it that has a header
   */
  #lengthOf(i: number, previous: number): number {
    const gap = this.#gapOf(i);
    const following = this.#next[i] || LONGEST_NAME;
    const isOrdered = previous <= following;
    const fits = (length: number): boolean =>
      length <= gap && (!isOrdered || (length >= previous && length <= following));
    const said = this.#usesOf(i).code.flatMap((use) => numbersNear(this.#elf.bytes, use));
    if (gap <= LONGEST_NAME && fits(gap) && (isOrdered || said.some(({ number }) => number === gap))) return gap;
    const possible = said.filter(({ number }) => fits(number)).toSorted((a, b) => a.distance - b.distance);
    const [nearest] = possible;
    if (nearest !== undefined && possible.every(({ number }) => number === nearest.number)) return nearest.number;
    if (nearest !== undefined && nearest.distance <= NEXT) return nearest.number;
    return isOrdered && previous === following && previous <= gap ? previous : 0;
  }

  #usesOf(i: number): Pick<GoString, 'data' | 'code'> {
    const data: number[] = [];
    const code: number[] = [];
    const end = this.#first[i + 1] ?? this.#uses.length;
    // What is used thousands of times is no name of an image.
    for (let at = this.#first[i] ?? 0; at < end && data.length + code.length < 100; at += 2) {
      const use = this.#uses[at] ?? 0;
      (isCode(this.#elf, use) ? code : data).push(use);
    }
    return { data, code };
  }

  #targets(): { first: Uint32Array; lengths: Uint32Array; next: Uint32Array } {
    const uses = this.#uses;
    let count = 0;
    for (let at = 0; at < uses.length; at += 2) if (at === 0 || uses[at + 1] !== uses[at - 1]) count++;
    const first = new Uint32Array(count);
    const lengths = new Uint32Array(count);
    let i = -1;
    for (let at = 0; at < uses.length; at += 2) {
      if (at === 0 || uses[at + 1] !== uses[at - 1]) first[++i] = at;
      const use = uses[at] ?? 0;
      if (!isCode(this.#elf, use)) lengths[i] = Math.max(lengths[i] ?? 0, readWord(this.#elf.bytes, use + 8));
    }
    const next = new Uint32Array(count);
    for (let later = 0, j = count - 1; j >= 0; j--) {
      next[j] = later;
      if (lengths[j]) later = lengths[j] ?? 0;
    }
    return { first, lengths, next };
  }
}

/** Pairs of use and target, kept as one 64-bit number each, since those can be sorted natively. */
class Uses {
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

  sorted(): Uint32Array {
    new BigUint64Array(this.#words.buffer, 0, this.#length / 2).sort();
    return this.#words.subarray(0, this.#length);
  }
}

function headers(elf: Elf, region: Region, uses: Uses): void {
  const start = region.offset + ((8 - (region.address % 8)) % 8);
  const end = region.offset + region.size - 16;
  for (let at = start; at <= end; at += 8) {
    // Nearly every word fails here: lengths are small, and addresses are not.
    if (elf.bytes.readUInt32LE(at + 12) !== 0) continue;
    const header = headerAt(elf, at);
    if (header !== undefined) uses.add(at, header.target);
  }
}

function headerAt({ bytes, data }: Elf, at: number): { target: number; length: number } | undefined {
  if (at < 0 || at + 16 > bytes.length || bytes.readUInt32LE(at + 12) !== 0) return undefined;
  const length = bytes.readUInt32LE(at + 8);
  const address = readWord(bytes, at);
  if (length === 0 || length > LONGEST_TEXT || !(address > 0)) return undefined;
  const target = offsetOf(data, address, length);
  if (target === undefined || !isText(bytes, target, length)) return undefined;
  return { target, length };
}

/** A look at the first and the last bytes; texts have no control characters but those that make lines. */
function isText(bytes: Buffer, start: number, length: number): boolean {
  const isFine = (byte = 0): boolean =>
    byte >= 0x20 ? byte !== 0x7f : byte === 0x0a || byte === 0x09 || byte === 0x0d;
  for (let i = 0; i < Math.min(length, 8); i++) {
    if (!isFine(bytes[start + i]) || !isFine(bytes[start + length - 1 - i])) return false;
  }
  return true;
}

/** `LEA register, [RIP + displacement]` (Intel SDM, volume 2A): REX.W 8D /r with mod 00 and r/m 101. */
function addresses({ bytes, data }: Elf, { offset, address, size }: Region, uses: Uses): void {
  const shift = address - offset;
  const end = offset + size - 6;
  for (let at = bytes.indexOf(0x8d, offset + 1); at >= 0 && at <= end; at = bytes.indexOf(0x8d, at + 1)) {
    if (((bytes[at + 1] ?? 0) & 0xc7) !== 0x05 || ((bytes[at - 1] ?? 0) & 0xfb) !== 0x48) continue;
    const target = offsetOf(data, at + 6 + shift + bytes.readInt32LE(at + 2), 1);
    if (target !== undefined) uses.add(at + 2, target);
  }
}

function isCode({ regions }: Elf, offset: number): boolean {
  for (const region of regions) {
    if (offset >= region.offset && offset < region.offset + region.size) return region.executable;
  }
  return false;
}

/** Numbers in the code around a use that may be lengths, with their distance from it in bytes. */
function numbersNear(bytes: Buffer, use: number): { number: number; distance: number }[] {
  const numbers: { number: number; distance: number }[] = [];
  const end = Math.min(use + AFTER, bytes.length - 4);
  for (let at = Math.max(use - BEFORE, 0); at < end; at++) {
    const number = bytes.readUInt32LE(at);
    const distance = at > use ? at - use - 4 : use - at + NEXT;
    if (number > 0 && number <= LONGEST_NAME && distance >= 0) numbers.push({ number, distance });
  }
  return numbers;
}
