import { beforeAll, test } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';
import './cases/index.ts';
import { QUIRKS } from './quirk.ts';
import { Stage } from './stage.ts';

/**
 * Quirks of real registries, each played by a fake on loopback against the built program. `npm run quirks` tries all;
 * other runs leave out what waits for more than a minute by its nature, and say so. `-t TEXT` takes those whose name has the text.
 */

const isWhole = process.env.AIRGAP_QUIRKS === 'all';
/** Seconds that a case of every run may take by its nature: as long as all others take. */
const SHORT = 70;
/** Milliseconds for a case on a busy machine. */
const LONGEST = 300_000;

let codeCache: string;
beforeAll(() => {
  codeCache = scratchFolder();
});

// Those that wait longest come first, so that at the end nothing waits alone.
for (const quirk of QUIRKS.toSorted((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))) {
  const { id, weight, seconds = 0, shownBy, source, wanted } = quirk;
  test.concurrent(`${weight}: ${id}`, { timeout: LONGEST }, async ({ skip }) => {
    if (seconds > SHORT && !isWhole) skip(`takes ${seconds} s; npm run quirks`);
    const stage = new Stage(codeCache);
    try {
      await quirk.run(stage);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\n\nwanted: ${wanted}\nshown by: ${shownBy}\nsource: ${source}`);
    } finally {
      stage.close();
    }
  });
}
