import { dataViewOf, findConstantUses, stringHeaderAt } from './constant-uses.ts';
import type { Elf, Region } from './elf.ts';

/**
 * String constant of a Go program. Go's strings have no terminator: the length is stored in a header in data (address
 * and length), or in an instruction near the one that takes the address. The linker places constants one after another,
 * sorted by length, so the start of the next constant and the lengths of neighbours with a header give the length too.
 */
export interface GoString {
  /** File offset. */
  readonly offset: number;
  readonly text: string;
  /** File offsets of its headers in data. */
  readonly headerOffsets: readonly number[];
  /** File offsets of displacements in instructions that take its address or that of its header. */
  readonly codeOffsets: readonly number[];
}

/** Bytes; longer constants are embedded texts. */
export const MAX_NAME_BYTES = 512;
/** Bytes around an instruction in which the Go compiler puts the length of its string. */
const WINDOW_BEFORE = 34;
const WINDOW_AFTER = 44;
/** Distance to the immediate of the next instruction, which is the length where calls take strings in registers. */
const NEXT_INSTRUCTION = 8;

/** Maximum headers of one constant whose own uses are looked up. */
const MAX_HEADERS = 4;

/** Index of the string constants of a program and their uses, sorted by constant. */
export class GoStrings {
  readonly #elf: Elf;
  readonly #view: DataView;
  readonly #code: readonly Region[];
  /** Pairs of use and target, both file offsets, sorted by target. */
  readonly #uses: Uint32Array;
  /** For each distinct target: index of its first use in `#uses`, and its length from a header or 0. */
  readonly #first: Uint32Array;
  readonly #lengths: Uint32Array;
  /** For each target: length of the next target that has a header. */
  readonly #next: Uint32Array;
  /** True if there were more uses than the limit. */
  readonly incomplete: boolean;

  constructor(elf: Elf) {
    this.#elf = elf;
    this.#view = dataViewOf(elf.bytes);
    this.#code = elf.regions.filter(({ executable }) => executable);
    const { pairs, incomplete } = findConstantUses(elf);
    [this.#uses, this.incomplete] = [pairs, incomplete];
    const { first, lengths, next } = this.#targets();
    [this.#first, this.#lengths, this.#next] = [first, lengths, next];
  }

  /**
   * Finds constants.
   * @param mayMatch preselects by bytes from `start` to `end`; `end` may exceed the constant
   */
  *find(mayMatch: (bytes: Buffer, start: number, end: number) => boolean): Generator<GoString> {
    const { bytes } = this.#elf;
    let previous = 0;
    for (let i = 0; i < this.#first.length; i++) {
      const headerLength = this.#lengths[i] ?? 0;
      const start = this.#targetOf(i);
      const end = headerLength > 0 ? start + headerLength : Math.min(start + this.#gapOf(i), start + MAX_NAME_BYTES);
      if (mayMatch(bytes, start, end)) {
        const length = headerLength || this.#lengthOf(i, previous);
        if (length > 0)
          yield { offset: start, text: bytes.toString('utf8', start, start + length), ...this.#usesOf(i) };
      }
      if (headerLength > 0) previous = headerLength;
    }
  }

  /** Returns the constant that starts at an offset. */
  stringAt(offset: number): GoString | undefined {
    const index = this.#indexOf(offset);
    if (this.#targetOf(index) !== offset) return undefined;
    let previous = 0;
    for (let i = index - 1; i >= 0 && previous === 0 && index - i < 1000; i--) previous = this.#lengths[i] ?? 0;
    const length = this.#lengths[index] || this.#lengthOf(index, previous);
    if (length === 0 || length > MAX_NAME_BYTES) return undefined;
    return { offset, text: this.#elf.bytes.toString('utf8', offset, offset + length), ...this.#usesOf(index) };
  }

  /** Returns the text of the string header at an offset; undefined if there is none. */
  headerText(offset: number): string | undefined {
    const header = stringHeaderAt(this.#elf, this.#view, offset);
    if (header === undefined || header.length > MAX_NAME_BYTES) return undefined;
    return this.#elf.bytes.toString('utf8', header.target, header.target + header.length);
  }

  /** Returns the index of the first target at or after an offset. */
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

  /** Returns the bytes up to the next constant; more than any name has for the last one. */
  #gapOf(i: number): number {
    return i + 1 < this.#first.length ? this.#targetOf(i + 1) - this.#targetOf(i) : MAX_NAME_BYTES + 1;
  }

  /**
   * Returns the length of a constant without a header; 0 if uncertain.
   * @param previous length of the closest preceding constant with a header
   */
  #lengthOf(i: number, previous: number): number {
    const gap = this.#gapOf(i);
    const following = this.#next[i] || MAX_NAME_BYTES;
    const isOrdered = previous <= following;
    const fits = (length: number): boolean =>
      length <= gap && (!isOrdered || (length >= previous && length <= following));
    if (isOrdered && gap <= MAX_NAME_BYTES && fits(gap)) return gap;
    const nearby = numbersNear(this.#view, this.#usesOf(i).codeOffsets, fits);
    if (gap <= MAX_NAME_BYTES && nearby.numbers.has(gap)) return gap;
    if (nearby.numbers.size === 1 || nearby.distance <= NEXT_INSTRUCTION) return nearby.nearest;
    return isOrdered && previous === following && previous <= gap ? previous : 0;
  }

  #usesOf(i: number): Pick<GoString, 'headerOffsets' | 'codeOffsets'> {
    const uses = this.#directUsesOf(i);
    if (uses.codeOffsets.length > 0) return uses;
    // Code takes the header of strings that are passed as an interface, as to Sprintf.
    const codeOffsets = uses.headerOffsets.slice(0, MAX_HEADERS).flatMap((header) => {
      const index = this.#indexOf(header);
      return this.#targetOf(index) === header ? this.#directUsesOf(index).codeOffsets : [];
    });
    return { headerOffsets: uses.headerOffsets, codeOffsets };
  }

  #directUsesOf(i: number): Pick<GoString, 'headerOffsets' | 'codeOffsets'> {
    const headerOffsets: number[] = [];
    const codeOffsets: number[] = [];
    const end = this.#first[i + 1] ?? this.#uses.length;
    // A constant used thousands of times is not an image name.
    for (
      let position = this.#first[i] ?? 0;
      position < end && headerOffsets.length + codeOffsets.length < 100;
      position += 2
    ) {
      const use = this.#uses[position] ?? 0;
      (this.#isCode(use) ? codeOffsets : headerOffsets).push(use);
    }
    return { headerOffsets, codeOffsets };
  }

  #targets(): { first: Uint32Array; lengths: Uint32Array; next: Uint32Array } {
    const uses = this.#uses;
    let count = 0;
    for (let position = 0; position < uses.length; position += 2)
      if (position === 0 || uses[position + 1] !== uses[position - 1]) count++;
    const first = new Uint32Array(count);
    const lengths = new Uint32Array(count);
    let i = -1;
    for (let position = 0; position < uses.length; position += 2) {
      if (position === 0 || uses[position + 1] !== uses[position - 1]) first[++i] = position;
      const use = uses[position] ?? 0;
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

/** Finds numbers near uses that may be lengths, and the nearest one with its distance in bytes. */
function numbersNear(
  view: DataView,
  uses: readonly number[],
  fits: (number: number) => boolean,
): { readonly numbers: ReadonlySet<number>; readonly nearest: number; readonly distance: number } {
  const numbers = new Set<number>();
  let nearest = 0;
  let distance = Number.POSITIVE_INFINITY;
  for (const use of uses) {
    const end = Math.min(use + WINDOW_AFTER, view.byteLength - 4);
    for (let position = Math.max(use - WINDOW_BEFORE, 0); position < end; position++) {
      const number = view.getUint32(position, true);
      if (number === 0 || number > MAX_NAME_BYTES || (position > use && position < use + 4) || !fits(number)) continue;
      const distanceToUse = position > use ? position - use - 4 : use - position + NEXT_INSTRUCTION;
      numbers.add(number);
      if (distanceToUse < distance) [nearest, distance] = [number, distanceToUse];
    }
  }
  return { numbers, nearest, distance };
}

/** End of `default:"` and `envDefault:"`, which configuration packages read from struct tags. */
const DEFAULT_KEY_END = Buffer.from('efault:"', 'latin1');
const MAX_DEFAULT_LENGTH = 300;
/** Version, or variable that holds one, with an optional suffix. */
const VERSION_DEFAULT = /^(?:\$\{\w+\}|v?\d+\.\d)[\w.-]*$/;
/** Maximum struct tags read; a large operator has some thousand. */
const MAX_TAGS = 100_000;

/** Finds defaults of settings in struct tags. Nothing points to them, so all data is searched. */
export function structTagDefaults({ bytes, data }: Elf): GoString[] {
  const found: GoString[] = [];
  let tagCount = 0;
  for (const { offset, size } of data) {
    const region = bytes.subarray(offset, offset + size);
    for (
      let position = region.indexOf(DEFAULT_KEY_END);
      position >= 0 && tagCount++ < MAX_TAGS;
      position = region.indexOf(DEFAULT_KEY_END, position + 1)
    ) {
      const start = position + DEFAULT_KEY_END.length;
      const length = region.subarray(start, start + MAX_DEFAULT_LENGTH).indexOf(0x22);
      const text = length < 0 ? '' : region.toString('latin1', start, start + length);
      if (text.includes('/') || VERSION_DEFAULT.test(text))
        found.push({ offset: offset + start, text, headerOffsets: [], codeOffsets: [] });
    }
  }
  return found;
}
