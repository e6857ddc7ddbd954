import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isVerdicts, readVerdicts, type Verdicts } from '../../../src/inventory/verdicts.ts';
import { digestOf } from '../../support/digest.ts';
import { scratchFolder } from '../../support/scratch.ts';

const home = scratchFolder();
const at = (name: string): string => join(home, name);
const digest = digestOf(Buffer.from('image')) as Verdicts['verdicts'][number]['digest'];

const passed = {
  image: 'quay.io/a:1',
  digest,
  manifest: digest,
  platform: 'linux/amd64',
  status: 'passed',
  exitCode: 0,
};
const document = {
  apiVersion: 'airgap/v1',
  kind: 'Verdicts',
  command: 'scan {}',
  finished: '2026-11-24T20:00:00.000Z',
  verdicts: [passed, { ...passed, status: 'failed', exitCode: undefined, signal: 'SIGSEGV', output: 'a\nb' }],
};

/** Reads what a file holds. */
function read(content: unknown): Promise<Verdicts> {
  writeFileSync(at('verdicts.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return readVerdicts(at('verdicts.json'));
}

const changed = (verdict: object): object => ({ ...document, verdicts: [{ ...passed, ...verdict }] });

describe('a file of verdicts', () => {
  it('is read', async () => {
    expect(await read(document)).toEqual(JSON.parse(JSON.stringify(document)));
    expect(isVerdicts(document)).toBe(true);
  });

  it.each([
    ['text', 'no JSON'],
    ['null', null],
    ['another kind', { ...document, kind: 'Receipt' }],
    ['another version', { ...document, apiVersion: 'airgap/v2' }],
    ['no time', { ...document, finished: 'today' }],
    ['no command', { ...document, command: undefined }],
    ['no list', { ...document, verdicts: passed }],
    ['an unknown status', changed({ status: 'skipped' })],
    ['no digest', changed({ digest: 'sha256:0' })],
    ['a path for an image', changed({ image: '../../etc/passwd' })],
    ['a text for a code', changed({ exitCode: '0' })],
  ])('with %s is refused', async (_, content) => {
    const error = read(content);
    await expect(error).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('verdicts.json') });
  });

  it('of a later version is known, so that it is not overwritten', () => {
    expect(isVerdicts({ ...document, apiVersion: 'airgap/v2' })).toBe(true);
    for (const other of [null, [], 'Verdicts', { kind: 'Verdicts' }]) expect(isVerdicts(other)).toBe(false);
  });
});

describe('what is no document', () => {
  it('is refused without reading it: a pipe that nobody writes to, a device without an end, a huge file, a folder', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    writeFileSync(at('huge'), '{');
    truncateSync(at('huge'), 3 * 1024 ** 3);
    for (const path of [at('pipe'), '/dev/zero', at('huge'), home])
      await expect(readVerdicts(path), path).rejects.toMatchObject({ code: 'config' });
  });

  it('is an error of the file if it is missing', async () => {
    await expect(readVerdicts(at('missing'))).rejects.toMatchObject({ code: 'file' });
  });
});
