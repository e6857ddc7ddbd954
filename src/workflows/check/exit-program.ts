/** Architectures for which {@link exitProgram} is known. */
export const EXIT_PROGRAM_ARCHITECTURES = ['amd64', 'arm64'] as const;
export type ExitProgramArchitecture = (typeof EXIT_PROGRAM_ARCHITECTURES)[number];

/** Number of the machine in an ELF header, and the instructions of exit(0) on Linux. */
const MACHINES: Readonly<
  Record<ExitProgramArchitecture, { readonly machine: number; readonly code: readonly number[] }>
> = {
  // mov eax, 60 (exit); xor edi, edi; syscall
  amd64: { machine: 62, code: [0xb8, 0x3c, 0x00, 0x00, 0x00, 0x31, 0xff, 0x0f, 0x05] },
  // mov x0, #0; mov x8, #93 (exit); svc #0
  arm64: { machine: 183, code: [0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4] },
};

const ADDRESS = 0x400000n;
const FILE_HEADER = 64;
const PROGRAM_HEADER = 56;
/** Of the largest pages, which arm64 may have. */
const ALIGNMENT = 0x10000n;

/**
 * Returns a program for Linux that ends at once with exit code 0: an ELF file of about 130 bytes that needs nothing of the
 * image in which it runs, not even a loader.
 */
export function exitProgram(architecture: ExitProgramArchitecture): Uint8Array {
  const { machine, code } = MACHINES[architecture];
  const start = FILE_HEADER + PROGRAM_HEADER;
  const size = start + code.length;
  const bytes = Buffer.alloc(size);
  // 64 bits, little endian, version 1.
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16); // an executable at fixed addresses
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20); // version
  bytes.writeBigUInt64LE(ADDRESS + BigInt(start), 24); // first instruction
  bytes.writeBigUInt64LE(BigInt(FILE_HEADER), 32); // where the program header is
  bytes.writeUInt16LE(FILE_HEADER, 52);
  bytes.writeUInt16LE(PROGRAM_HEADER, 54);
  bytes.writeUInt16LE(1, 56); // one program header: load the whole file
  bytes.writeUInt32LE(1, FILE_HEADER); // to be loaded
  bytes.writeUInt32LE(5, FILE_HEADER + 4); // readable and executable
  bytes.writeBigUInt64LE(ADDRESS, FILE_HEADER + 16);
  bytes.writeBigUInt64LE(ADDRESS, FILE_HEADER + 24);
  bytes.writeBigUInt64LE(BigInt(size), FILE_HEADER + 32);
  bytes.writeBigUInt64LE(BigInt(size), FILE_HEADER + 40);
  bytes.writeBigUInt64LE(ALIGNMENT, FILE_HEADER + 48);
  bytes.set(code, start);
  return bytes;
}
