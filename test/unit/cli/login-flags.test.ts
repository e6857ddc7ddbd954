import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import type { Edge } from '../../../src/cli/run.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { Terminal } from './terminal.ts';

const folder = scratchFolder();
const push = (args: readonly string[], input?: string) =>
  new Terminal(['push', join(folder, 'none.tar'), '--to', 'r.example/x', ...args], {}, folder, input).run();
const NAME = '--registry-username';
const STDIN = '--registry-password-stdin';

describe('the login of one registry', () => {
  it('is a flag of every command that speaks to registries', () => {
    const commands = createProgram({} as Edge).commands.filter(({ options }) =>
      options.some(({ long }) => long === NAME),
    );
    expect(commands.map((command) => command.name()).sort()).toEqual(['bundle', 'images', 'push', 'values', 'verify']);
  });

  it.each([
    ['a user without a password', [NAME, 'r.example=me'], '', /r\.example=… has no password/],
    ['a password without a user', [STDIN], 'geheim', /which registry/],
    ['no host', [NAME, '=me', STDIN], 'geheim', /not HOST=NAME/],
    ['no user', [NAME, 'r.example=', STDIN], 'geheim', /not HOST=NAME/],
    ['a host that is none', [NAME, 'https://r.example=me', STDIN], 'geheim', /registry/],
    ['a password in the user name', [NAME, 'r.example=me:geheim', STDIN], 'geheim', /no user name/],
    ['two registries', [NAME, 'r.example=me', NAME, 's.example=me', STDIN], 'geheim', /r\.example and s\.example/],
    ['a registry twice', [NAME, 'r.example=me', NAME, 'r.example=you', STDIN], 'geheim', /r\.example twice/],
    ['nothing on standard input', [NAME, 'r.example=me', STDIN], '', /nothing for r\.example/],
    ['a line without text', [NAME, 'r.example=me', STDIN], '\n', /nothing for r\.example/],
    ['two lines', [NAME, 'r.example=me', STDIN], 'geheim-1\ngeheim-2\n', /more than one line/],
    ['a file of something else', [NAME, 'r.example=me', STDIN], 'x'.repeat(100_000), /more than 64 kB/],
  ])('with %s is refused', async (_, args, input, says) => {
    const { code, err } = await push(args, input);
    expect([code, err]).toEqual([2, expect.stringMatching(says)]);
    expect(err).not.toContain('geheim-');
  });

  it('is not asked for on a terminal', async () => {
    const terminal = new Terminal(['push', 'none.tar', '--to', 'r.example/x', NAME, 'r.example=me', STDIN], {}, folder);
    Object.assign(terminal.stdin, { isTTY: true });
    const { code, err } = await terminal.run();
    expect([code, err]).toEqual([2, expect.stringMatching(/no password for r\.example on standard input/)]);
  });

  it('is read before the command begins', async () => {
    const { code, err } = await push([NAME, 'r.example=me', STDIN], 'geheim\n');
    // What is wrong then is the bundle.
    expect([code, err]).toEqual([1, expect.stringContaining('none.tar')]);
  });
});
