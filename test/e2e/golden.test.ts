import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, type TestContext, test } from 'vitest';
import { airgap, airgapOk, cleanEnvironment, launcher } from '../support/cli.ts';
import type { PacedRegistry } from '../support/paced-registry.ts';
import { startPacedRegistry } from '../support/paced-registry.ts';
import { scratchFolder } from '../support/scratch.ts';
import { bundleArgs, ownLayer, pushArgs, startSix } from '../support/six-images.ts';
import { inTerminal, withoutTmux } from '../support/tmux.ts';

/** What a few runs print, whole, in `golden/`. Renewed with `vitest run --project e2e test/e2e/golden.test.ts -u`. */

const home = scratchFolder();
const bundle = join(home, 'six.tar');
let six: PacedRegistry;

beforeAll(async () => {
  six = await startSix();
  await airgapOk(bundleArgs(six, bundle), home);
});
afterAll(() => six.stop());

/** Replaces what is different in each run, as far as possible by as many characters. */
function masked(text: string): string {
  return `${text.trimEnd()}\n`
    .replaceAll(home, 'HOME')
    .replaceAll(/\b0\.1:\d{5}\b/g, '0.1:#####')
    .replaceAll(/[\d.]+ GB free/g, '##.# GB free')
    .replaceAll(/[\d.]+ [kM]B\/s/g, '#.# MB/s')
    .replaceAll(/(?:for|in) \d+ s/g, (time) => time.replaceAll(/\d+/g, '#'));
}

/** A line of progress that only a busy machine prints before the error. */
const BUSY = /^resolving images: \d of 6\n/gm;

function golden({ expect }: TestContext, name: string, text: string): Promise<void> {
  return expect(masked(text)).toMatchFileSnapshot(`golden/${name}.txt`);
}

describe.concurrent('whole outputs', () => {
  // The state in which the screen is taken lasts: all has arrived but half of one layer, or one answer.
  test.for(['bundle', 'push'] as const)('a %s in a terminal of 80 columns', async (command, context) => {
    if (withoutTmux !== undefined) return context.skip(withoutTmux);
    const registry = command === 'bundle' ? await startSix() : await startPacedRegistry();
    context.onTestFinished(() => registry.stop());
    const released = Promise.withResolvers<void>();
    registry.pace.stalls.set(ownLayer(six, 'web/back'), released.promise);
    if (command === 'bundle') registry.pace.cuts.set(ownLayer(six, 'web/front'), 1);
    const args = command === 'bundle' ? bundleArgs(registry, join(home, 'screen.tar')) : pushArgs(registry, bundle);
    const options = { columns: 80, rows: 24, env: cleanEnvironment(home), cwd: home };
    await inTerminal([launcher, ...args].join(' '), options, async (terminal) => {
      const screen = await terminal.waitFor((text) => / for \d+ s[\s\S]* for \d+ s/.test(text));
      released.resolve();
      context.expect(await terminal.ended()).toBe(0);
      await golden(
        context,
        `${command}-terminal`,
        `${screen}\n\n=== at its end\n${(await terminal.printed()).join('\n')}`,
      );
    });
  });

  test('a bundle without a terminal', async (context) => {
    const registry = await startSix();
    context.onTestFinished(() => registry.stop());
    const released = sleep(12_500);
    registry.pace.stalls.set(ownLayer(six, 'web/back'), released);
    registry.pace.cuts.set(ownLayer(six, 'web/front'), 1);
    const run = await airgap(bundleArgs(registry, join(home, 'plain.tar')), home);
    context.expect(run.code).toBe(0);
    await golden(context, 'bundle-plain', `=== stderr\n${run.stderr}=== stdout\n${run.stdout}`);
  });

  test.for([
    ['text', []],
    ['json', ['-o', 'json']],
  ] as const)('a registry with an unknown certificate authority, %s', async ([name, flags], context) => {
    const registry = await startSix({}, { tls: true });
    context.onTestFinished(() => registry.stop());
    const args = bundleArgs(registry, join(home, `ca-${name}.tar`)).filter(
      (arg, i, all) => ![arg, all[i - 1]].includes('--plain-http'),
    );
    const run = await airgap([...args, ...flags], home);
    context.expect(run.code).toBe(1);
    await golden(
      context,
      `wrong-ca-${name}`,
      `=== stderr\n${run.stderr.replaceAll(BUSY, '')}=== stdout\n${run.stdout}`,
    );
  });
});
