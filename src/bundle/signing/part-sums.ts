import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeOutput } from '../../base/output-file.ts';
import { digestOf, encodedOf } from '../../oci/digest.ts';
import { fingerprintOf, isValidSignature, type SigningKey, signBytes } from '../../oci/signing-key.ts';
import { type BundlePart, splitIndexPath } from '../files/split-index.ts';

/** Name of a file of checksums or of its signature, without the name of the bundle. */
const SUM_FILE = /^(?:\.\d{3})?\.sha256(?:\.[0-9a-f]{8}\.sig)?$/;

/**
 * Writes checksums of the parts of a bundle for `sha256sum -c`: `NAME.sha256` lists the index and all parts, and
 * `NAME.001.sha256` one part, so that each can be checked as it arrives. With a key, each file of checksums gets a
 * signature for openssl, `FILE.KEY.sig`, where KEY are the first eight digits of the key's fingerprint. Files that are
 * right already are left alone.
 * @param path of the bundle
 * @param index text of the split index
 * @returns paths of all these files
 * @throws AirgapError `no-space`, `file`
 */
export async function writePartSums(
  path: string,
  parts: readonly BundlePart[],
  index: string,
  key?: SigningKey,
): Promise<string[]> {
  const indexPart = { name: basename(splitIndexPath(path)), sha256: encodedOf(digestOf(Buffer.from(index))) };
  const files = [
    { name: basename(path), text: sumLines([...parts, indexPart]) },
    ...parts.map((part) => ({ name: part.name, text: sumLines([part]) })),
  ];
  const written: string[] = [];
  for (const { name, text } of files) {
    const file = join(dirname(path), `${name}.sha256`);
    if ((await existingContent(file))?.toString() !== text) await writeOutput(file, text);
    written.push(file);
    if (key === undefined) continue;
    const signature = `${file}.${encodedOf(fingerprintOf(key.publicKey)).slice(0, 8)}.sig`;
    const existing = (await existingContent(signature))?.toString('base64') ?? '';
    // ECDSA signatures differ each time they are made.
    if (!isValidSignature(key.publicKey, Buffer.from(text), existing))
      await writeOutput(signature, Buffer.from(signBytes(key, Buffer.from(text)), 'base64'));
    written.push(signature);
  }
  return written;
}

/** Lists the existing files of checksums of a bundle in parts, and their signatures. */
export async function existingPartSums(path: string): Promise<string[]> {
  const [folder, name] = [dirname(path), basename(path)];
  const files = await readdir(folder).catch(() => []);
  return files
    .filter((file) => file.startsWith(name) && SUM_FILE.test(file.slice(name.length)))
    .map((file) => join(folder, file));
}

/** Formats checksums as `sha256sum` does. */
function sumLines(files: readonly Pick<BundlePart, 'name' | 'sha256'>[]): string {
  return files.map(({ name, sha256 }) => `${sumLine(name, sha256)}\n`).join('');
}

/** In names with a backslash or a line break, these are escaped, and the line begins with a backslash. */
function sumLine(name: string, sha256: string): string {
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${sha256}  ${escaped}`;
}

async function existingContent(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(() => undefined);
}
