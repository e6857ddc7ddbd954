import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emit } from '../base/events.ts';
import type { Surroundings } from '../helm/helm.ts';

/** What every workflow gets from the edge. */
export interface Context extends Surroundings {
  readonly emit: Emit;
  /** What is still to be done, at once, when a run is ended before it could tidy up. */
  readonly unfinished?: Set<() => void>;
}

/** Runs `work` with a scratch folder of its own, which is gone afterwards, whatever happens. */
export async function withScratch<R>({ env, unfinished }: Context, work: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(env.TMPDIR || tmpdir(), 'helm-airgap-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  unfinished?.add(remove);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    unfinished?.delete(remove);
  }
}
