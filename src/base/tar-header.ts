/** Bytes of a header; bodies are padded to a multiple of it. */
export const TAR_BLOCK = 512;

/** Types of regular files, as the tar library names them. */
export const FILE_TYPES: ReadonlySet<string> = new Set(['File', 'OldFile', 'ContiguousFile']);

/** Checks the sum of all bytes of a header, counting the checksum field itself as spaces. */
export function hasValidChecksum(header: Buffer): boolean {
  const stored = Number.parseInt(header.toString('latin1', 148, 156), 8);
  let sum = 8 * 0x20;
  for (let index = 0; index < TAR_BLOCK; index++) if (index < 148 || index >= 156) sum += header[index] as number;
  return sum === stored;
}

/** Reads the body of a GNU header with the long name of the next entry. */
export function gnuLongName(body: Buffer): string {
  return body.toString('utf8').replace(/\0.*/s, '');
}
