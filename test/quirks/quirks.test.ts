import { beforeAll, test } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';
import './cases/index.ts';
import { QUIRKS } from './quirk.ts';
import { Stage } from './stage.ts';

/**
 * Quirks of real registries, each simulated by a fake on loopback for the built plugin. `npm run quirks` tries all; other runs
 * skip those that take more than a minute. `-t TEXT` selects by name.
 */

const isWhole = process.env.AIRGAP_QUIRKS === 'all';
/** Maximum seconds of a case in every run: as long as all others take together. */
const SHORT = 70;
/** Time-out of a case on a busy machine, in milliseconds. */
const LONGEST = 300_000;

let codeCache: string;
beforeAll(() => {
  codeCache = scratchFolder();
});

// The longest cases come first, so that none is left waiting alone at the end.
for (const quirk of QUIRKS.toSorted((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))) {
  const { id, weight, seconds = 0, seenIn, source, expected } = quirk;
  test.concurrent(`${weight}: ${id}`, { timeout: LONGEST }, async ({ skip }) => {
    if (seconds > SHORT && !isWhole) skip(`takes ${seconds} s; npm run quirks`);
    const stage = new Stage(codeCache);
    try {
      await quirk.run(stage);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\n\nexpected: ${expected}\nseen in: ${seenIn}\nsource: ${source}`);
    } finally {
      stage.close();
    }
  });
}
