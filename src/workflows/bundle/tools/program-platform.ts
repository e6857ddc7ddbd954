/** First bytes of a program that say what it is for. */
export const PROGRAM_HEAD = 64;

/** Names that Go, and so Helm's releases, give to architectures, by the machine of an ELF header (gabi, "e_machine"). */
const ELF_MACHINES: ReadonlyMap<number, string> = new Map([
  [3, '386'],
  [40, 'arm'],
  [62, 'amd64'],
  [183, 'arm64'],
  [22, 's390x'],
  [21, 'ppc64le'],
  [243, 'riscv64'],
  [258, 'loong64'],
]);

/** The same, by the CPU type of a 64-bit Mach-O header (mach/machine.h). */
const MACH_CPUS: ReadonlyMap<number, string> = new Map([
  [0x01000007, 'amd64'],
  [0x0100000c, 'arm64'],
]);

/** Systems whose programs have the OS ABI of System V or of Linux. */
const LINUX_ABIS: ReadonlySet<number> = new Set([0, 3]);
const BIG_ENDIAN = 2;
const MACH_O_64 = 0xfeedfacf;

/**
 * Reads the platform of a program from its ELF or Mach-O header.
 * @param head its first bytes, PROGRAM_HEAD of them unless it is shorter
 * @returns `os/architecture`; undefined for other files, and for programs of other systems or of several architectures
 */
export function programPlatform(head: Buffer): string | undefined {
  if (head.length < PROGRAM_HEAD) return undefined;
  if (head.toString('latin1', 0, 4) === '\x7fELF') {
    const machine = head[5] === BIG_ENDIAN ? head.readUInt16BE(18) : head.readUInt16LE(18);
    return LINUX_ABIS.has(head[7] as number) ? named('linux', ELF_MACHINES.get(machine)) : undefined;
  }
  if (head.readUInt32LE(0) !== MACH_O_64) return undefined;
  return named('darwin', MACH_CPUS.get(head.readUInt32LE(4)));
}

function named(os: string, architecture: string | undefined): string | undefined {
  return architecture === undefined ? undefined : `${os}/${architecture}`;
}
