import { Command, Option } from '@commander-js/extra-typings';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import type { CommandIO } from '../../../src/cli/run.ts';
import { airgap, type Ended, Terminal } from '../../support/terminal.ts';

/** Runs a program whose command `work` does this. */
async function run(
  work: (io: CommandIO, terminal: Terminal) => Promise<void>,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Ended> {
  const terminal = new Terminal(['work', ...args], env);
  const create = (io: CommandIO): Command => {
    const command = new Command('work')
      .addOption(new Option('-o, --output <format>').choices(['text', 'json']))
      .action(() => work(io, terminal));
    return new Command().addCommand(command) as Command;
  };
  const ended = await terminal.run(create);
  return { ...ended, code: terminal.exited ?? ended.code };
}

const json = ['-o', 'json'];
const document = (kind: string): string => JSON.stringify({ kind });

describe('-o json', () => {
  it.each([
    [['push', 'x.tar'], 2, 'usage'],
    [['push', 'x.tar', '--to', 'r.example', '--no-such-flag'], 2, 'usage'],
    [['bundle'], 2, 'usage'],
    [['pull'], 2, 'usage'],
    [['push', '/nowhere/x.tar', '--to', 'r.example'], 1, 'file'],
    [['push', 'x.tar', '--to', 'https://u:secret@r.example'], 2, 'usage'],
    [['inspect', '/nowhere/x.tar'], 1, 'file'],
    [['verify', '/nowhere/x.tar'], 1, 'file'],
    [['verify', '/dev/null'], 3, 'bundle-invalid'],
    [['diff', '/nowhere/a', '/nowhere/b'], 1, 'file'],
    [['extract', '/nowhere/x.tar'], 2, 'usage'],
  ])('gives one document: %j', async (args, code, error) => {
    const ended = await airgap([...args, ...json]);
    expect(ended.code).toBe(code);
    expect(JSON.parse(ended.out)).toMatchObject({
      apiVersion: 'airgap/v1',
      kind: 'Failure',
      exitCode: code,
      errors: [{ code: error, message: expect.any(String), subjects: expect.any(Array) }],
    });
    expect(ended.err).toMatch(/^error: |^Error: /im);
    expect(ended.out + ended.err).not.toContain('secret');
    const text = await airgap(args);
    expect([text.code, text.out, text.err]).toEqual([code, '', ended.err]);
  });

  it('prints help as text', async () => {
    const { code, out } = await airgap(['push', '--help', ...json]);
    expect([code, out]).toEqual([0, expect.stringContaining('Usage:')]);
  });

  it('keeps documents that were printed before the failure', async () => {
    const { code, out } = await run(async (io) => {
      io.print(document('Push'));
      throw new AirgapError('network', 'gone');
    }, json);
    expect([code, JSON.parse(out)]).toEqual([
      1,
      expect.objectContaining({ kind: 'Failure', completed: [{ kind: 'Push' }] }),
    ]);
  });

  it('prints the document of a failed check', async () => {
    const { code, out } = await run(async (io) => {
      io.print(document('Verification'));
      io.setExitCode(3);
    }, json);
    expect([code, JSON.parse(out)]).toEqual([3, { kind: 'Verification' }]);
  });

  it('tells of an interrupt', async () => {
    const { code, out, err } = await run(async (io, terminal) => {
      terminal.emit('SIGINT');
      io.context.signal?.throwIfAborted();
    }, json);
    expect([code, JSON.parse(out)]).toEqual([130, expect.objectContaining({ exitCode: 130 })]);
    expect(err).toMatch(/^Error: interrupted\n/);
  });

  it('gives one document at the second interrupt', async () => {
    const { code, out } = await run(async (io, terminal) => {
      io.print(document('Push'));
      for (let n = 0; n < 3; n++) terminal.emit('SIGINT');
    }, json);
    expect([code, JSON.parse(out)]).toEqual([
      130,
      expect.objectContaining({ kind: 'Failure', errors: [expect.objectContaining({ code: 'interrupted' })] }),
    ]);
  });
});

describe('an unexpected error', () => {
  it.each([
    ['an Error', new TypeError('x is not a function')],
    ['a text', 'just a text'],
    ['nothing', undefined],
    ['an object', { a: 1 }],
  ])('asks for a report, without a stack trace: %s', async (_, thrown) => {
    const work = async (): Promise<void> => {
      throw thrown;
    };
    const { code, out, err } = await run(work);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^Error: unexpected: .*\nHint: .*report.*\n$/);
    const debug = await run(work, [], { HELM_DEBUG: 'true' });
    expect(debug.err).toMatch(/\n {4}at /);
    expect(JSON.parse((await run(work, json)).out)).toMatchObject({ exitCode: 1, errors: [{ code: 'unexpected' }] });
  });

  it.each(['unhandledRejection', 'uncaughtException'])('is reported in the same way for an %s', async (event) => {
    const work = async (_: CommandIO, terminal: Terminal): Promise<void> => {
      terminal.emit(event, new Error('lost'));
    };
    const { code, err } = await run(work);
    expect([code, err]).toEqual([1, expect.stringMatching(/^Error: unexpected: lost\nHint: .*report.*\n$/)]);
  });
});

it('reports a crash after the end of the run, without a second document', async () => {
  const terminal = new Terminal(['push', ...json]);
  const { out, err } = await terminal.run();
  terminal.emit('unhandledRejection', new Error('late'));
  await expect.poll(() => terminal.exited).toBe(1);
  expect(terminal.out).toBe(out);
  expect(terminal.err).toMatch(/^Error: unexpected: late\nHint: /m);
  expect(err).not.toContain('late');
});

it('a closed stdout does not hide the failure', async () => {
  const terminal = new Terminal(['push', ...json]);
  terminal.failOutput('EPIPE');
  expect((await terminal.run()).code).toBe(2);
});
