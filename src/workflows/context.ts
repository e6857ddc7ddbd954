import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Emit } from '../base/events.ts';
import type { Surroundings } from '../helm/helm.ts';

/** What every workflow gets from the edge. */
export interface Context extends Surroundings {
  readonly emit: Emit;
}

/** Runs `work` with a scratch folder of its own, which is gone afterwards, whatever happens. */
export async function withScratch<R>({ env }: Context, work: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(env.TMPDIR || tmpdir(), 'helm-airgap-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
