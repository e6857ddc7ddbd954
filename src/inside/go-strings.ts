import type { Elf, Region } from './elf.ts';
import { headerAt, usesIn, viewOf } from './uses.ts';

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
  /** Offsets in the code of the displacement of the instructions that take its address, or that of its header. */
  readonly code: readonly number[];
}

/** Bytes; longer constants are texts that were embedded. */
export const LONGEST_NAME = 512;
/** Bytes around an instruction in which the length of its string stands, as the Go compiler orders them. */
const BEFORE = 34;
const AFTER = 44;
/** Bytes behind an instruction in which the very next one has its number: the length, as calls take strings in registers. */
const NEXT = 8;

/** Headers of one constant whose own uses are looked up. */
const MOST_HEADERS = 4;

/** Every place of a program that names a constant, ordered by the constant. */
export class GoStrings {
  readonly #elf: Elf;
  readonly #view: DataView;
  readonly #code: readonly Region[];
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
    this.#view = viewOf(elf.bytes);
    this.#code = elf.regions.filter(({ executable }) => executable);
    const { pairs, incomplete } = usesIn(elf);
    [this.#uses, this.incomplete] = [pairs, incomplete];
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
    const low = this.#indexOf(offset);
    if (this.#targetOf(low) !== offset) return undefined;
    let previous = 0;
    for (let i = low - 1; i >= 0 && previous === 0 && low - i < 1000; i--) previous = this.#lengths[i] ?? 0;
    const length = this.#lengths[low] || this.#lengthOf(low, previous);
    if (length === 0 || length > LONGEST_NAME) return undefined;
    return { offset, text: this.#elf.bytes.toString('utf8', offset, offset + length), ...this.#usesOf(low) };
  }

  /** What the string header at an offset names; undefined when there is none. */
  header(offset: number): string | undefined {
    const header = headerAt(this.#elf, this.#view, offset);
    if (header === undefined || header.length > LONGEST_NAME) return undefined;
    return this.#elf.bytes.toString('utf8', header.target, header.target + header.length);
  }

  /** The first target at an offset or behind it. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#first.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#targetOf(middle) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
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
    if (isOrdered && gap <= LONGEST_NAME && fits(gap)) return gap;
    const said = numbersNear(this.#view, this.#usesOf(i).code, fits);
    if (gap <= LONGEST_NAME && said.numbers.has(gap)) return gap;
    if (said.numbers.size === 1 || said.distance <= NEXT) return said.nearest;
    return isOrdered && previous === following && previous <= gap ? previous : 0;
  }

  #usesOf(i: number): Pick<GoString, 'data' | 'code'> {
    const uses = this.#directUsesOf(i);
    if (uses.code.length > 0) return uses;
    // What is handed over as an interface, as to Sprintf, the code takes by its header.
    const code = uses.data.slice(0, MOST_HEADERS).flatMap((header) => {
      const index = this.#indexOf(header);
      return this.#targetOf(index) === header ? this.#directUsesOf(index).code : [];
    });
    return { data: uses.data, code };
  }

  #directUsesOf(i: number): Pick<GoString, 'data' | 'code'> {
    const data: number[] = [];
    const code: number[] = [];
    const end = this.#first[i + 1] ?? this.#uses.length;
    // What is used thousands of times is no name of an image.
    for (let at = this.#first[i] ?? 0; at < end && data.length + code.length < 100; at += 2) {
      const use = this.#uses[at] ?? 0;
      (this.#isCode(use) ? code : data).push(use);
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
      if (!this.#isCode(use)) lengths[i] = Math.max(lengths[i] ?? 0, this.#view.getUint32(use + 8, true));
    }
    const next = new Uint32Array(count);
    for (let later = 0, j = count - 1; j >= 0; j--) {
      next[j] = later;
      if (lengths[j]) later = lengths[j] ?? 0;
    }
    return { first, lengths, next };
  }

  #isCode(offset: number): boolean {
    for (const region of this.#code) {
      if (offset >= region.offset && offset < region.offset + region.size) return true;
    }
    return false;
  }
}

/** Numbers in the code around uses that may be lengths, and the nearest of them, with its distance in bytes. */
function numbersNear(
  view: DataView,
  uses: readonly number[],
  fits: (number: number) => boolean,
): { readonly numbers: ReadonlySet<number>; readonly nearest: number; readonly distance: number } {
  const numbers = new Set<number>();
  let nearest = 0;
  let distance = Number.POSITIVE_INFINITY;
  for (const use of uses) {
    const end = Math.min(use + AFTER, view.byteLength - 4);
    for (let at = Math.max(use - BEFORE, 0); at < end; at++) {
      const number = view.getUint32(at, true);
      if (number === 0 || number > LONGEST_NAME || (at > use && at < use + 4) || !fits(number)) continue;
      const own = at > use ? at - use - 4 : use - at + NEXT;
      numbers.add(number);
      if (own < distance) [nearest, distance] = [number, own];
    }
  }
  return { numbers, nearest, distance };
}
