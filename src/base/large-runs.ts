import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Images from which memory is saved at the cost of processor time. */
const LARGE_RUN = 2000;

let isSaving = false;

/**
 * Tells how many images a run has. From two thousand on, the heap grows by a part of what is in use, not to several times
 * of it, and the space for new objects keeps its size, after one collection that makes it small. Below, nothing changes:
 * small runs are faster without this.
 *
 * The flags only decide when garbage is collected, and V8 reads them whenever it does. They cannot be unset, which is no
 * loss: one process is one run. `--max-semi-space-size` would do the same for new objects, but only on the command line.
 */
export function expectImages(images: number): void {
  if (isSaving || images < LARGE_RUN) return;
  isSaving = true;
  setFlagsFromString('--heap-growing-percent=20');
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--expose-gc');
  const collect: (options: object) => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  // This kind alone also shrinks the space for new objects.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
