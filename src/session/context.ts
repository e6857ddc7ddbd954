import { tmpdir } from 'node:os';
import type { Emit } from '../base/events.ts';
import { withScratchIn } from '../base/scratch.ts';
import type { HelmContext } from '../helm/helm.ts';

/** Environment that the command line passes to every workflow. */
export interface Context extends HelmContext {
  readonly emit: Emit;
}

/** Runs `work` with a temporary folder, which is always removed afterwards. */
export function withScratch<R>({ env }: Context, work: (folder: string) => Promise<R>): Promise<R> {
  return withScratchIn(env.TMPDIR || tmpdir(), work);
}
