import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Returns the SHA-256 of a file, hex. */
export async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Files that come after SHA256SUMS: itself, signatures and their keys. */
const LATER = /^(?:SHA256SUMS|provenance\.dsse\.json|release\.pub)/;

/** Writes SHA256SUMS of the files of a folder. */
export async function writeSums(folder) {
  const names = (await readdir(folder)).filter((name) => !LATER.test(name)).sort();
  const lines = [];
  for (const name of names) lines.push(`${await sha256Of(join(folder, name))}  ${name}\n`);
  await writeFile(join(folder, 'SHA256SUMS'), lines.join(''));
}
