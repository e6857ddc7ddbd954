import { type Elf, offsetOf, type Region, readWord } from './elf.ts';

/** Magic numbers of Go 1.18 and Go 1.20; older versions have other entries. */
const MAGIC = new Set([0xfffffff0, 0xfffffff1]);
/** Instruction size 1, pointer size 8: x86-64. */
const X86_64_SIZES = 0x0801_0000;
const MAX_NAME_LENGTH = 1000;
/** INT3, which the linker puts between functions. */
const PADDING = 0xcc;
/** Functions whose start addresses are checked against the code. */
const CHECKED_FUNCTIONS = 16;

/**
 * Functions of a Go program, read from the table that the runtime needs for stack traces (runtime/symtab.go). Stripped
 * programs keep it. It holds names and sorted addresses relative to the start of Go's code.
 */
export class FunctionTable {
  readonly #bytes: Buffer;
  readonly #table: Region;
  readonly #count: number;
  readonly #names: number;
  readonly #entries: number;
  /** File offset of Go's code. */
  readonly #code: number;

  private constructor(bytes: Buffer, table: Region, code: number) {
    this.#bytes = bytes;
    this.#table = table;
    this.#count = readWord(bytes, table.offset + 8);
    this.#names = table.offset + readWord(bytes, table.offset + 32);
    this.#entries = table.offset + readWord(bytes, table.offset + 64);
    this.#code = code;
  }

  /** @returns undefined if the program has no table of a supported Go version */
  static read({ bytes, regions, pclntab }: Elf): FunctionTable | undefined {
    const code = regions.find(({ executable }) => executable);
    if (pclntab === undefined || code === undefined || pclntab.size < 72) return undefined;
    if (!MAGIC.has(bytes.readUInt32LE(pclntab.offset)) || bytes.readUInt32LE(pclntab.offset + 4) !== X86_64_SIZES)
      return undefined;
    // Up to Go 1.25 the table holds the start of Go's code, which follows any C code.
    const textStart = offsetOf(regions, readWord(bytes, pclntab.offset + 24), 1);
    const functionTable = new FunctionTable(bytes, pclntab, textStart ?? code.offset);
    const end = pclntab.offset + pclntab.size;
    const isWithin = functionTable.#entries + functionTable.#count * 8 <= end && functionTable.#names < end;
    return isWithin && functionTable.#matchesCode() ? functionTable : undefined;
  }

  /** Returns the name, with package path, of the function that contains a code offset. */
  nameAt(offset: number): string | undefined {
    const index = this.#indexAt(offset);
    if (index < 0) return undefined;
    const record = this.#entries + this.#bytes.readUInt32LE(this.#entries + index * 8 + 4);
    const end = this.#table.offset + this.#table.size;
    if (record + 8 > end) return undefined;
    const start = this.#names + this.#bytes.readUInt32LE(record + 4);
    if (start >= end) return undefined;
    const text = this.#bytes.toString('utf8', start, Math.min(start + MAX_NAME_LENGTH, end));
    return text.slice(0, Math.max(0, text.indexOf('\0')));
  }

  /** Returns the file offsets where the function that contains a code offset and the next function start. */
  extentAt(offset: number): { readonly start: number; readonly end: number } | undefined {
    const index = this.#indexAt(offset);
    if (index < 0) return undefined;
    const end = index + 1 < this.#count ? this.#startOf(index + 1) : this.#bytes.length;
    return { start: this.#startOf(index), end };
  }

  /** Returns the index of the function that contains an offset; -1 for none. */
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

  /**
   * Checks that functions start after padding. They do not if C code comes first and the table does not say where Go's
   * code starts.
   */
  #matchesCode(): boolean {
    const checked = Math.min(CHECKED_FUNCTIONS, this.#count);
    const starts = Array.from({ length: checked }, (_, i) => this.#startOf(Math.floor((i * this.#count) / checked)));
    const plausible = starts.filter((start) => start === this.#code || this.#bytes[start - 1] === PADDING);
    return plausible.length > checked / 2;
  }
}
