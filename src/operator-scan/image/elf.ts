/** Part of a program that is loaded into memory. Offsets and sizes are bytes in the file. */
export interface Region {
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  readonly executable: boolean;
  readonly writable: boolean;
}

/** Parts of a program that can hold constants, and the code that uses them. */
export interface Elf {
  readonly bytes: Buffer;
  readonly machine: 'x86-64' | 'other';
  readonly regions: readonly Region[];
  /** Regions without code. */
  readonly data: readonly Region[];
  /** Go's function table (`.gopclntab`). */
  readonly pclntab: Region | undefined;
}

const PT_LOAD = 1;
const PF_X = 1;
const PF_W = 2;
const SHT_PROGBITS = 1;
const SHT_RELA = 4;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const SHF_EXECINSTR = 4;
const EM_X86_64 = 62;
/** `R_X86_64_RELATIVE` and `R_AARCH64_RELATIVE`. */
const RELATIVE = new Set([8, 1027]);
/** Maximum sections or segments; real programs have 20 to 40. */
const MAX_SECTIONS = 256;
/** Tables of the runtime and the loader: as large as all other sections, but without constants. */
const RUNTIME_TABLES = /^\.(?:gopclntab|eh_frame|typelink|itablink|note|gnu|dyn|rel|hash|init|fini|plt|debug)/;

/** Reports whether a file starts with the ELF magic number. */
export function isElf(start: Uint8Array): boolean {
  return start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46;
}

/**
 * Reads the layout of a 64-bit little-endian ELF program (System V ABI, chapters 4 and 5). The program is untrusted:
 * parts outside the file are ignored. Sections are preferred, since segments are coarser. Applies relative relocations
 * of position-independent programs to `bytes`.
 * @returns undefined for any other file
 */
export function readElf(bytes: Buffer): Elf | undefined {
  if (bytes.length < 64 || !isElf(bytes) || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const machine = bytes.readUInt16LE(18) === EM_X86_64 ? 'x86-64' : 'other';
  const sections = sectionsOf(bytes);
  const fromSections = sections.filter(mayHoldConstants);
  const candidates = fromSections.some(({ executable }) => executable) ? fromSections : segmentsOf(bytes);
  const regions = withoutOverlaps(candidates);
  if (regions.length === 0) return undefined;
  const relocations = withoutOverlaps(sections.filter(({ type }) => type === SHT_RELA));
  for (const { offset, size } of relocations) relocate(bytes, regions, offset, size);
  const pclntab = sections.find(({ name }) => name.endsWith('.gopclntab'));
  return { bytes, machine, regions, data: regions.filter(({ executable }) => !executable), pclntab };
}

/** Returns the file offset of an address; undefined unless `size` bytes from there are in one region. */
export function offsetOf(regions: readonly Region[], address: number, size: number): number | undefined {
  for (const region of regions) {
    const within = address - region.address;
    if (within >= 0 && within + size <= region.size) return region.offset + within;
  }
  return undefined;
}

/** Reads an unsigned 64-bit integer; NaN if it is not a safe integer. */
export function readWord(bytes: Buffer, offset: number): number {
  const high = bytes.readUInt32LE(offset + 4);
  return high > 0x1fffff ? Number.NaN : high * 0x1_0000_0000 + bytes.readUInt32LE(offset);
}

interface Section extends Region {
  readonly type: number;
  readonly flags: number;
  readonly name: string;
}

function sectionsOf(bytes: Buffer): Section[] {
  const table = readWord(bytes, 40);
  const entrySize = bytes.readUInt16LE(58);
  const count = bytes.readUInt16LE(60);
  const nameSection = bytes.readUInt16LE(62);
  if (entrySize !== 64 || count > MAX_SECTIONS || !(table + count * entrySize <= bytes.length)) return [];
  const headerOffset = (i: number): number => table + i * entrySize;
  const namesOffset = nameSection < count ? readWord(bytes, headerOffset(nameSection) + 24) : Number.NaN;
  return Array.from({ length: count }, (_, i) => i).flatMap((i): Section[] => {
    const flags = bytes.readUInt32LE(headerOffset(i) + 8);
    const extent = extentOf(bytes, headerOffset(i) + 16, headerOffset(i) + 24, headerOffset(i) + 32);
    if (extent === undefined) return [];
    const nameOffset = namesOffset + bytes.readUInt32LE(headerOffset(i));
    const name =
      nameOffset < bytes.length ? bytes.toString('latin1', nameOffset, Math.min(nameOffset + 24, bytes.length)) : '';
    return [
      {
        ...extent,
        flags,
        type: bytes.readUInt32LE(headerOffset(i) + 4),
        name: name.replace(/\0.*/s, ''),
        executable: (flags & SHF_EXECINSTR) !== 0,
        writable: (flags & SHF_WRITE) !== 0,
      },
    ];
  });
}

function mayHoldConstants({ type, flags, name, size }: Section): boolean {
  return type === SHT_PROGBITS && (flags & SHF_ALLOC) !== 0 && size > 0 && !RUNTIME_TABLES.test(name);
}

function segmentsOf(bytes: Buffer): Region[] {
  const table = readWord(bytes, 32);
  const entrySize = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  if (entrySize !== 56 || count > MAX_SECTIONS || !(table + count * entrySize <= bytes.length)) return [];
  return Array.from({ length: count }, (_, i) => table + i * entrySize).flatMap((position): Region[] => {
    const flags = bytes.readUInt32LE(position + 4);
    const extent = extentOf(bytes, position + 16, position + 8, position + 32);
    if (extent === undefined || bytes.readUInt32LE(position) !== PT_LOAD || extent.size === 0) return [];
    return [{ ...extent, executable: (flags & PF_X) !== 0, writable: (flags & PF_W) !== 0 }];
  });
}

/** Reads address, offset and size at the given positions; undefined if the extent exceeds the file. */
function extentOf(
  bytes: Buffer,
  ...[addressPosition, offsetPosition, sizePosition]: [number, number, number]
): Pick<Region, 'address' | 'offset' | 'size'> | undefined {
  const [address, offset, size] = [
    readWord(bytes, addressPosition),
    readWord(bytes, offsetPosition),
    readWord(bytes, sizePosition),
  ];
  const isWithin = address + size <= Number.MAX_SAFE_INTEGER && offset + size <= bytes.length;
  return isWithin ? { address, offset, size } : undefined;
}

/** Drops regions that overlap in the file. Only crafted programs have them, to multiply the cost of scanning. */
function withoutOverlaps<T extends Region>(regions: readonly T[]): T[] {
  const sorted = regions.toSorted((a, b) => a.offset - b.offset);
  let end = 0;
  return sorted.filter(({ offset, size }) => {
    if (offset < end) return false;
    end = offset + size;
    return true;
  });
}

/** Applies the relocations of a position-independent program as its loader would, for base address 0. */
function relocate(bytes: Buffer, regions: readonly Region[], offset: number, size: number): void {
  for (let position = offset; position + 24 <= offset + size; position += 24) {
    if (!RELATIVE.has(bytes.readUInt32LE(position + 8))) continue;
    const target = offsetOf(regions, readWord(bytes, position), 8);
    if (target !== undefined) bytes.copy(bytes, target, position + 16, position + 24);
  }
}
