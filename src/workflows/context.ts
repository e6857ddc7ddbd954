import { tmpdir } from 'node:os';
import type { Emit } from '../base/events.ts';
import { withScratchIn } from '../base/scratch.ts';
import type { Surroundings } from '../helm/helm.ts';

/** What every workflow gets from the edge. */
export interface Context extends Surroundings {
  readonly emit: Emit;
}

/** Runs `work` with a scratch folder of its own, which is gone afterwards, whatever happens. */
export function withScratch<R>({ env }: Context, work: (folder: string) => Promise<R>): Promise<R> {
  return withScratchIn(env.TMPDIR || tmpdir(), work);
}
