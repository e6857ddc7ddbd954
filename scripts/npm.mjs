/** Fetches packages with the user's npm and its settings. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * The environment without the pinned node. npm looks for its global configuration (registry, CA, proxy) next to the node that
 * runs it, and the pinned one has none.
 */
const bin = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.bin');
const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => resolve(folder) !== bin);
const env = { ...process.env, PATH: path.join(delimiter) };

/**
 * Fetches the archive of a package into a folder.
 * @param spec `NAME@VERSION`
 * @param sha512 hash of the archive, base64
 * @returns path of the archive
 * @throws Error with what npm printed, or if the archive has another hash
 */
export async function npmPackage(spec, sha512, folder) {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', spec, '--loglevel=error', '--pack-destination', folder],
    { env },
  ).catch((error) => {
    throw new Error(reasonOf(error), { cause: error });
  });
  const archive = join(folder, stdout.trim().split('\n').at(-1));
  const found = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (found !== sha512) {
    throw new Error(`${spec} has the hash sha512-${found} instead of the pinned sha512-${sha512}`);
  }
  return archive;
}

/** Returns npm's error without stack and object fields, otherwise the error's own message. */
function reasonOf({ stderr = '', message }) {
  const lines = stderr
    .split('\n')
    .filter((line) => /^npm error (?! |at |[{}])/.test(line) && !/complete log of this run/.test(line));
  return lines.length === 0 ? message : `npm printed\n${lines.slice(0, 6).join('\n')}`;
}
