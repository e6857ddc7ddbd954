import { type Elf, offsetOf, type Region, readWord } from './elf.ts';

/** What the table begins with, from Go 1.18 and from Go 1.20 on; before, its entries were others. */
const MAGIC = new Set([0xfffffff0, 0xfffffff1]);
/** A byte for each instruction and eight for each pointer: x86-64. */
const SIZES = 0x0801_0000;
const LONGEST = 1000;
/** What the linker puts between functions: INT3. */
const PADDING = 0xcc;
/** Functions by whose beginnings it is checked that the table is of this code. */
const CHECKED = 16;

/**
 * The functions of a Go program by the table that the runtime needs for its traces, which stripping leaves in
 * (runtime/symtab.go): addresses in order, relative to where Go's code begins, and names.
 */
export class Functions {
  readonly #bytes: Buffer;
  readonly #table: Region;
  readonly #count: number;
  readonly #names: number;
  readonly #entries: number;
  /** Offset in the file of Go's code. */
  readonly #code: number;

  private constructor(bytes: Buffer, table: Region, code: number) {
    this.#bytes = bytes;
    this.#table = table;
    this.#count = readWord(bytes, table.offset + 8);
    this.#names = table.offset + readWord(bytes, table.offset + 32);
    this.#entries = table.offset + readWord(bytes, table.offset + 64);
    this.#code = code;
  }

  /** @returns undefined when the program has no such table, or one of another version of Go */
  static read({ bytes, regions, functions: table }: Elf): Functions | undefined {
    const code = regions.find(({ executable }) => executable);
    if (table === undefined || code === undefined || table.size < 72) return undefined;
    if (!MAGIC.has(bytes.readUInt32LE(table.offset)) || bytes.readUInt32LE(table.offset + 4) !== SIZES)
      return undefined;
    // Up to Go 1.25 the table says where Go's code begins, behind C's where there is some.
    const said = offsetOf(regions, readWord(bytes, table.offset + 24), 1);
    const functions = new Functions(bytes, table, said ?? code.offset);
    const end = table.offset + table.size;
    const isWithin = functions.#entries + functions.#count * 8 <= end && functions.#names < end;
    return isWithin && functions.#matchesCode() ? functions : undefined;
  }

  /** The name of the function in which an offset in the code lies, with its package's path. */
  nameAt(offset: number): string | undefined {
    const index = this.#indexAt(offset);
    if (index < 0) return undefined;
    const record = this.#entries + this.#bytes.readUInt32LE(this.#entries + index * 8 + 4);
    const end = this.#table.offset + this.#table.size;
    if (record + 8 > end) return undefined;
    const start = this.#names + this.#bytes.readUInt32LE(record + 4);
    if (start >= end) return undefined;
    const text = this.#bytes.toString('utf8', start, Math.min(start + LONGEST, end));
    return text.slice(0, Math.max(0, text.indexOf('\0')));
  }

  /** Where in the file the function begins in which an offset in the code lies, and where the next one does. */
  extentAt(offset: number): { readonly start: number; readonly end: number } | undefined {
    const index = this.#indexAt(offset);
    if (index < 0) return undefined;
    const end = index + 1 < this.#count ? this.#startOf(index + 1) : this.#bytes.length;
    return { start: this.#startOf(index), end };
  }

  /** The function in which an offset lies; -1 for none. */
  #indexAt(offset: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#startOf(middle) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #startOf(i: number): number {
    return this.#code + this.#bytes.readUInt32LE(this.#entries + i * 8);
  }

  /** Where C's code stands first and nothing says where Go's begins, the beginnings are somewhere in it. */
  #matchesCode(): boolean {
    const checked = Math.min(CHECKED, this.#count);
    const starts = Array.from({ length: checked }, (_, i) => this.#startOf(Math.floor((i * this.#count) / checked)));
    const fitting = starts.filter((start) => start === this.#code || this.#bytes[start - 1] === PADDING);
    return fitting.length > checked / 2;
  }
}
