import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Checks that a folder may be created anew: it is missing, empty, or has the files of an earlier run. @throws Error */
export async function checkOutFolder(path) {
  const names = await readdir(path).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length === 0 || ['SHA256SUMS', 'provenance.json'].every((name) => names.includes(name))) return;
  throw new Error(`${path} has other files, which would be deleted: choose a new folder with --out`);
}

/** Replaces a folder by another one, which may be on another file system. */
export async function replaceFolder(path, fresh) {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { recursive: true, force: true });
  await rename(fresh, path).catch(async (error) => {
    if (error.code !== 'EXDEV') throw error;
    await cp(fresh, path, { recursive: true });
  });
}
