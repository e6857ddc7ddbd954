import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { withLog } from '../../../../src/cli/commands/log-file.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();
const events: AirgapEvent[] = [];
const context = { env: {}, cwd: folder, emit: (event: AirgapEvent) => void events.push(event) };
const warning = (message: string): AirgapEvent => ({ type: 'warning', message });

it('has a line for each event and for the error of the run', async () => {
  const failing = withLog(context, 'a.log', async ({ emit }) => {
    emit(warning('one'));
    throw new AirgapError('network', 'two');
  });
  await expect(failing).rejects.toThrow('two');
  const lines = readFileSync(join(folder, 'a.log'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'warning', message: 'one' },
    { event: 'failure', code: 'network', message: 'two' },
  ]);
});

it.runIf(existsSync('/dev/full'))('ends with a warning if the disk is full, and the run continues', async () => {
  events.length = 0;
  const result = withLog(context, '/dev/full', async ({ emit }) => {
    emit(warning('one'));
    emit(warning('two'));
    return 'done';
  });
  expect(await result).toBe('done');
  expect(events.map((event) => event.type === 'warning' && event.message)).toEqual([
    'one',
    expect.stringMatching(/log.*ENOSPC/),
    'two',
  ]);
});
