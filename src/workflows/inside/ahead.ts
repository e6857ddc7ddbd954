import { rm } from 'node:fs/promises';
import type { Emit } from '../../base/events.ts';
import { openOwn } from '../../base/own-file.ts';

/** Where the operators' images of a bundle are that have to be there before it: `NAME.inside`. */
export function aheadOf(out: string): string {
  return `${out}.inside`;
}

/** Whether a file is one of ours, whole or not: they all begin with the same entry. */
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
 * Takes away what was fetched ahead of a bundle that is complete now, by this run or by one that failed, which may have had
 * other flags. What somebody else has under that name stays.
 */
export async function removeAhead(out: string): Promise<void> {
  for (const path of await leftAhead(out)) {
    await rm(path, { force: true });
    await rm(`${path}.journal`, { force: true });
  }
}

/** Names what a run that fails leaves: whoever chooses another name for the bundle then has to delete it. */
export async function tellAhead(out: string, emit: Emit): Promise<void> {
  const left = await leftAhead(out);
  if (left.length === 0) return;
  const message = `left for the next run that writes ${out}, which takes it away when the bundle is complete: ${left.join(', ')}`;
  emit({ type: 'warning', message });
}

/** How the archive begins, and one that is not complete, too: a name in a header of 100 bytes. */
const FIRST = Buffer.from('oci-layout\0', 'latin1');

async function leftAhead(out: string): Promise<string[]> {
  const ahead = aheadOf(out);
  const paths = [ahead, `${ahead}.partial`, `${ahead}.partial.old`];
  const isOurs = await Promise.all(paths.map(isAhead));
  return paths.filter((_, i) => isOurs[i]);
}
