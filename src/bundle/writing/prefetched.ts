import { rm } from 'node:fs/promises';
import type { Emit } from '../../base/events.ts';
import { openOwnFile } from '../../base/own-file.ts';

/** Returns the path of the archive for operator images that are fetched before a bundle: `NAME.inside`. */
export function prefetchPath(out: string): string {
  return `${out}.inside`;
}

/** Checks for an archive of prefetched images, complete or partial, by its first entry. */
export async function isPrefetchArchive(path: string): Promise<boolean> {
  const file = await openOwnFile(path, 'r').catch(() => undefined);
  try {
    const { buffer } = (await file?.read({ buffer: Buffer.alloc(ARCHIVE_START.length) })) ?? {};
    return buffer?.equals(ARCHIVE_START) ?? false;
  } catch {
    return false;
  } finally {
    await file?.close();
  }
}

/**
 * Deletes images prefetched for a bundle that is complete now, by this run or an earlier failed run. Other files with
 * these names are kept.
 */
export async function removePrefetched(out: string): Promise<void> {
  for (const path of await prefetchedFiles(out)) {
    await rm(path, { force: true });
    await rm(`${path}.journal`, { force: true });
  }
}

/** Warns about prefetched files that a failed run leaves; a run with another `--out` does not delete them. */
export async function warnOfPrefetched(out: string, emit: Emit): Promise<void> {
  const files = await prefetchedFiles(out);
  if (files.length === 0) return;
  const message = `kept operator images for the next run that writes ${out}, which deletes them when the bundle is complete: ${files.join(', ')}`;
  emit({ type: 'warning', message });
}

/** First bytes of complete and partial archives: the name in the first tar header. */
const ARCHIVE_START = Buffer.from('oci-layout\0', 'latin1');

async function prefetchedFiles(out: string): Promise<string[]> {
  const archive = prefetchPath(out);
  const paths = [archive, `${archive}.partial`, `${archive}.partial.old`];
  const isOurs = await Promise.all(paths.map(isPrefetchArchive));
  return paths.filter((_, i) => isOurs[i]);
}
