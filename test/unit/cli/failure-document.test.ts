import { describe, expect, it } from 'vitest';
import { AirgapError, combine } from '../../../src/base/errors.ts';
import {
  type Failure,
  failureDocument,
  requestedDocument,
  urgentFailureDocument,
} from '../../../src/cli/failure-document.ts';
import { wholeProgram } from '../../support/commands.ts';

describe('requestedDocument', () => {
  const program = wholeProgram();
  it.each([
    [['push', 'x.tar'], undefined],
    [['push', '-o', 'json'], 'json'],
    [['push', '-ojson'], 'json'],
    [['push', '--output', 'json'], 'json'],
    [['push', '--output=json'], 'json'],
    [['push', '-o', 'json', '-o', 'text'], undefined],
    [['push', '-o', 'text', '--output=json'], 'json'],
    [['push', '--', '-o', 'json'], undefined],
    [['push', '-o'], undefined],
    [['push', '--output=', 'json'], undefined],
    [['push', '-o', 'yaml'], undefined],
    [['verify', '-o', 'yaml'], 'yaml'],
    // The values of a chart, not a document.
    [['values', '-o', 'yaml'], undefined],
    [['values', '-o', 'json'], 'json'],
    [['no-such-command', '-o', 'json'], 'json'],
  ] as const)('%j', (args, format) => {
    expect(requestedDocument(program, args).format).toBe(format);
  });

  it('knows the command', () => {
    expect(requestedDocument(program, ['verify', 'push']).command).toBe('verify');
    expect(requestedDocument(program, ['nothing']).command).toBe('');
  });
});

describe('failureDocument', () => {
  const failed = (subject: string, detail: string) =>
    new AirgapError('registry', 'refused', {
      subject,
      step: 'blob 1',
      detail,
      origin: 'wanted by chart x',
      hint: 'wait',
    });
  const failure: Failure = {
    command: 'push',
    exitCode: 1,
    error: combine([failed('a', '1'), failed('b\x1b', 'https://u:secret@r.example/x')], '2 failed'),
    printed: [],
  };

  it('has one entry for each cause, with all subjects', async () => {
    expect(JSON.parse(await failureDocument(failure, 'json'))).toEqual({
      apiVersion: 'airgap/v1',
      kind: 'Failure',
      command: 'push',
      exitCode: 1,
      message: '2 failed',
      errors: [
        {
          code: 'registry',
          message: 'refused',
          hint: 'wait',
          subjects: [
            { name: 'a', step: 'blob 1', detail: '1', origin: 'wanted by chart x' },
            { name: 'b\\x1b', step: 'blob 1', detail: 'https://***@r.example/x', origin: 'wanted by chart x' },
          ],
        },
      ],
    });
  });

  it('keeps the documents that were printed before', async () => {
    const printed = ['{"kind":"Push","target":"a"}', '{"kind":"Push","target":"b"}'];
    expect(JSON.parse(await failureDocument({ ...failure, printed }, 'json'))).toMatchObject({
      completed: [{ target: 'a' }, { target: 'b' }],
    });
    const { parse } = await import('yaml');
    const text = await failureDocument({ ...failure, printed: ['kind: Push\ntarget: a\n'] }, 'yaml');
    expect(parse(text)).toMatchObject({ kind: 'Failure', exitCode: 1, completed: [{ target: 'a' }] });
  });

  it('is JSON when there is no time', async () => {
    const { printed, ...urgent } = failure;
    expect(printed).toEqual([]);
    expect(urgentFailureDocument(urgent)).toBe(await failureDocument(failure, 'json'));
  });
});
