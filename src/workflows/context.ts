import type { Emit } from '../base/events.ts';
import type { Surroundings } from '../helm/helm.ts';

/** What every workflow gets from the edge. */
export interface Context extends Surroundings {
  readonly emit: Emit;
}

export { withScratch } from '../base/scratch.ts';
