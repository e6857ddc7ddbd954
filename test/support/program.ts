/** Contents of a synthetic Go program. */
export interface ProgramOptions {
  /** Constants that only code refers to, as the Go compiler does: the address, followed by the length. */
  readonly code?: readonly (readonly string[])[];
  /** Names of the functions, one per list of `code`. */
  readonly functions?: readonly string[];
  /** Constants with a header in data; those of one list are adjacent. */
  readonly data?: readonly (readonly string[])[];
  /** Texts in read-only data without a reference. */
  readonly loose?: readonly string[];
  /** Lines of the build information; without them it is no Go program. */
  readonly build?: readonly string[];
  /** Addresses in data are relocations, as in a position-independent program. */
  readonly relocated?: boolean;
}

const TEXT = 0x401000;
const RODATA = 0x600000;
const DATA = 0x800000;

/**
 * Builds a small ELF program for x86-64 with the sections that matter for its constants, laid out as by Go's linker:
 * constants ordered by length, headers in writable data, code with relative addresses.
 */
export function goProgram(options: ProgramOptions): Buffer {
  const { code = [], functions = [], data = [], loose = [], build = [], relocated } = options;
  const constants = [...new Set([...code, ...data].flat())].toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const addresses = new Map<string, number>();
  let end = RODATA;
  for (const constant of constants) {
    addresses.set(constant, end);
    end += Buffer.byteLength(constant);
  }
  const rodata = Buffer.from([...constants, '\0', ...loose].join(''));
  const parts = code.map((list) => functionOf(list, addresses));
  const text = Buffer.concat(parts);
  patchAddresses(text);
  const headers = data.map((list) => Buffer.concat(list.map((constant) => headerOf(constant, addresses))));
  const info = build.length === 0 ? Buffer.alloc(0) : buildInfo(build);
  const body = Buffer.concat(headers.map((record) => Buffer.concat([record, Buffer.alloc(8)])));
  const relocations: Buffer[] = [];
  if (relocated) {
    for (let at = 0; at + 16 <= body.length; at += 8) {
      const value = body.readBigUInt64LE(at);
      if (value < BigInt(RODATA) || value >= BigInt(end)) continue;
      const entry = Buffer.alloc(24);
      entry.writeBigUInt64LE(BigInt(DATA + info.length + at), 0);
      entry.writeBigUInt64LE(8n, 8);
      entry.writeBigUInt64LE(value, 16);
      relocations.push(entry);
      body.writeBigUInt64LE(0n, at);
    }
  }
  return link([
    { name: '.text', type: 1, flags: 6, address: TEXT, bytes: text },
    { name: '.rodata', type: 1, flags: 2, address: RODATA, bytes: rodata },
    { name: '.data', type: 1, flags: 3, address: DATA, bytes: Buffer.concat([info, body]) },
    { name: '.gopclntab', type: 1, flags: 2, address: 0xa00000, bytes: tableOf(functions, parts) },
    { name: '.rela', type: 4, flags: 2, address: 0x900000, bytes: Buffer.concat(relocations) },
  ]);
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly bytes: Buffer;
}

/** `LEA RAX, [RIP + …]; MOV EBX, length` for each constant; 200 bytes of padding before the next function. */
function functionOf(constants: readonly string[], addresses: ReadonlyMap<string, number>): Buffer {
  const parts = constants.map((constant) => {
    const part = Buffer.from([0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xbb, 0, 0, 0, 0]);
    // Absolute for now: the distance is known once the function has its address.
    part.writeUInt32LE(addresses.get(constant) ?? 0, 3);
    part.writeUInt32LE(Buffer.byteLength(constant), 8);
    return part;
  });
  return Buffer.concat([...parts, Buffer.from([0xc3]), Buffer.alloc(199, 0xcc)]);
}

/** runtime/symtab.go: a header, names, entries with the start and record of each function, and records that point to names. */
function tableOf(functions: readonly string[], parts: readonly Buffer[]): Buffer {
  if (functions.length === 0) return Buffer.alloc(0);
  const names = Buffer.from(functions.map((name) => `${name}\0`).join(''));
  const header = Buffer.alloc(72);
  header.writeUInt32LE(0xfffffff1, 0);
  header.set([1, 8], 6);
  header.writeUInt32LE(functions.length, 8);
  header.writeUInt32LE(header.length, 32);
  header.writeUInt32LE(header.length + names.length, 64);
  const entries = Buffer.alloc(functions.length * 8);
  const records = Buffer.alloc(functions.length * 8);
  for (const [i, name] of functions.entries()) {
    entries.writeUInt32LE(Buffer.concat(parts.slice(0, i)).length, i * 8);
    entries.writeUInt32LE(entries.length + i * 8, i * 8 + 4);
    records.writeUInt32LE(names.indexOf(`${name}\0`), i * 8 + 4);
  }
  return Buffer.concat([header, names, entries, records]);
}

function patchAddresses(text: Buffer): void {
  for (let at = 0; at + 7 <= text.length; at++) {
    if (text[at] !== 0x48 || text[at + 1] !== 0x8d || text[at + 2] !== 0x05) continue;
    text.writeInt32LE(text.readUInt32LE(at + 3) - (TEXT + at + 7), at + 3);
    at += 11;
  }
}

function headerOf(constant: string, addresses: ReadonlyMap<string, number>): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(addresses.get(constant) ?? 0, 0);
  header.writeUInt32LE(Buffer.byteLength(constant), 8);
  return header;
}

/** debug/buildinfo: 32 bytes, then version and module list, each with its length as prefix. */
function buildInfo(lines: readonly string[]): Buffer {
  const header = Buffer.alloc(32);
  header.write('\xff Go buildinf:', 0, 'latin1');
  header[14] = 8;
  header[15] = 2;
  const bytes = Buffer.concat([header, ...['go1.26.0', lines.join('\n')].map(prefixed)]);
  return Buffer.concat([bytes, Buffer.alloc((16 - (bytes.length % 16)) % 16)]);
}

function prefixed(text: string): Buffer {
  const length: number[] = [];
  let rest = Buffer.byteLength(text);
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) length.push((rest % 128) + 0x80);
  return Buffer.concat([Buffer.from([...length, rest]), Buffer.from(text)]);
}

/** Concatenates header, sections, names and the section table. */
function link(given: readonly Section[]): Buffer {
  const empty = { name: '', type: 0, flags: 0, address: 0, bytes: Buffer.alloc(0) };
  const names = ['', ...given.map(({ name }) => name), '.shstrtab'];
  const strings = Buffer.from(`${names.join('\0')}\0`);
  const sections = [empty, ...given, { ...empty, name: '.shstrtab', type: 3, bytes: strings }];
  const parts: Buffer[] = [Buffer.alloc(64)];
  let offset = 64;
  const table = sections.map(({ name, type, flags, address, bytes }) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(strings.indexOf(`${name}\0`, 0, 'latin1'), 0);
    entry.writeUInt32LE(type, 4);
    entry.writeUInt32LE(flags, 8);
    entry.writeUInt32LE(address, 16);
    entry.writeUInt32LE(offset, 24);
    entry.writeUInt32LE(bytes.length, 32);
    const padded = Buffer.concat([bytes, Buffer.alloc((16 - (bytes.length % 16)) % 16)]);
    parts.push(padded);
    offset += padded.length;
    return entry;
  });
  const [header] = parts as [Buffer];
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(offset, 40);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(sections.length, 60);
  header.writeUInt16LE(sections.length - 1, 62);
  return Buffer.concat([...parts, ...table]);
}
