/**
 * node scripts/generate.mjs
 *
 * Writes the files that are made from the sources and kept in the checkout: JSON Schemas, completion.yaml and
 * docs/reference.md. A test fails while one is out of date.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './generate/files.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
for (const [path, text] of await generatedFiles()) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
