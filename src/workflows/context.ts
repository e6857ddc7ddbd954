import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirgapError, messageOf } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import type { Surroundings } from '../helm/helm.ts';

/** What every workflow gets from the edge. */
export interface Context extends Surroundings {
  readonly emit: Emit;
}

/** Runs `work` with a scratch folder of its own, which is gone afterwards, whatever happens. */
export async function withScratch<R>({ env }: Context, work: (folder: string) => Promise<R>): Promise<R> {
  const place = env.TMPDIR || tmpdir();
  const folder = await mkdtemp(join(place, 'helm-airgap-')).catch((cause: unknown) => {
    throw new AirgapError('file', `no scratch folder can be made in ${place}: ${messageOf(cause)}`, {
      hint: 'let TMPDIR name a folder that can be written to',
      cause,
    });
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
