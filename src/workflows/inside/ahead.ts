import { rm } from 'node:fs/promises';
import type { Emit } from '../../base/events.ts';
import { openOwn } from '../../base/own-file.ts';

/** Returns the path of the archive for operator images that are fetched before a bundle: `NAME.inside`. */
export function aheadOf(out: string): string {
  return `${out}.inside`;
}

/** Checks for an archive of prefetched images, complete or partial, by its first entry. */
export async function isAhead(path: string): Promise<boolean> {
  const file = await openOwn(path, 'r').catch(() => undefined);
  try {
    const { buffer } = (await file?.read({ buffer: Buffer.alloc(FIRST.length) })) ?? {};
    return buffer?.equals(FIRST) ?? false;
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
export async function removeAhead(out: string): Promise<void> {
  for (const path of await leftAhead(out)) {
    await rm(path, { force: true });
    await rm(`${path}.journal`, { force: true });
  }
}

/** Warns about prefetched files that a failed run leaves; a run with another `--out` does not delete them. */
export async function tellAhead(out: string, emit: Emit): Promise<void> {
  const left = await leftAhead(out);
  if (left.length === 0) return;
  const message = `kept operator images for the next run that writes ${out}, which deletes them when the bundle is complete: ${left.join(', ')}`;
  emit({ type: 'warning', message });
}

/** First bytes of complete and partial archives: the name in the first tar header. */
const FIRST = Buffer.from('oci-layout\0', 'latin1');

async function leftAhead(out: string): Promise<string[]> {
  const ahead = aheadOf(out);
  const paths = [ahead, `${ahead}.partial`, `${ahead}.partial.old`];
  const isOurs = await Promise.all(paths.map(isAhead));
  return paths.filter((_, i) => isOurs[i]);
}
