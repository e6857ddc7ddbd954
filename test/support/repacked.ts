import { readFile } from 'node:fs/promises';
import { type TarFile, tarOf } from './tar.ts';

/** Type of a folder in a header. */
const DIRECTORY = '5'.charCodeAt(0);

/**
 * Reads the regular files of a plain ustar archive by name, in its order; for bundles that are tampered with so that readers
 * disagree. Independent of src/.
 */
export async function readFiles(path: string): Promise<Map<string, Buffer>> {
  const bytes = await readFile(path);
  const files = new Map<string, Buffer>();
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const name = bytes.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8);
    if (bytes[at + 156] !== DIRECTORY) files.set(name, bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Packs files with headers of another tool, with further files at the beginning and the end. */
export function repack(
  files: ReadonlyMap<string, Buffer | string>,
  { first = [], last = [] }: { readonly first?: readonly TarFile[]; readonly last?: readonly TarFile[] } = {},
): Buffer {
  return tarOf([...first, ...[...files].map(([path, content]) => ({ path, content })), ...last]);
}

/** Packs files with headers like those of the bundle at `path`. */
export async function repackWithSameHeaders(
  path: string,
  files: ReadonlyMap<string, Buffer | string>,
): Promise<Buffer> {
  const sample = (await readFile(path)).subarray(0, 512);
  const parts = [...files].flatMap(([name, text]) => {
    const content = Buffer.from(text);
    const header = Buffer.from(sample);
    header.fill(0, 0, 100);
    header.write(name, 0, 'latin1');
    header.write(`${content.length.toString(8).padStart(10, '0')} \0`, 124, 'latin1');
    let sum = 8 * 0x20;
    for (const [at, byte] of header.entries()) if (at < 148 || at >= 156) sum += byte;
    header.write(`${sum.toString(8).padStart(6, '0')} \0`, 148, 'latin1');
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
