import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandsOf, wholeProgram } from '../../../support/commands.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { Terminal } from '../../../support/terminal.ts';

const folder = scratchFolder();
const push = (args: readonly string[], input?: string) =>
  new Terminal(['push', join(folder, 'none.tar'), '--to', 'r.example/x', ...args], {}, folder, input).run();
const NAME = '--registry-username';
const STDIN = '--registry-password-stdin';

describe('the login of one registry', () => {
  it('is a flag of every command that accesses registries', () => {
    const commands = commandsOf(wholeProgram()).filter(([, { options }]) => options.some(({ long }) => long === NAME));
    expect(commands.map(([name]) => name).sort()).toEqual([
      'access apply',
      'access export',
      'bundle',
      'check',
      'doctor',
      'images',
      'mirror',
      'prune',
      'public-ecr',
      'push',
      'values',
      'verify',
    ]);
  });

  it.each([
    ['a user without a password', [NAME, 'r.example=me'], '', /r\.example=....*\nHint: .*--registry-password-stdin/],
    ['a password without a user', [STDIN], 'geheim', /--registry-username/],
    ['no host', [NAME, '=me', STDIN], 'geheim', /"=me".*HOST=NAME/],
    ['no user', [NAME, 'r.example=', STDIN], 'geheim', /"r\.example=".*HOST=NAME/],
    ['a host that is none', [NAME, 'https://r.example=me', STDIN], 'geheim', /registry/],
    ['a password in the user name', [NAME, 'r.example=me:geheim', STDIN], 'geheim', /"r\.example"=.../],
    ['two registries', [NAME, 'r.example=me', NAME, 's.example=me', STDIN], 'geheim', /r\.example.*s\.example/],
    ['a registry twice', [NAME, 'r.example=me', NAME, 'r.example=you', STDIN], 'geheim', /r\.example.*AIRGAP_AUTH_/s],
    ['empty standard input', [NAME, 'r.example=me', STDIN], '', /--registry-password-stdin.*r\.example/],
    ['an empty line', [NAME, 'r.example=me', STDIN], '\n', /--registry-password-stdin.*r\.example/],
    ['two lines', [NAME, 'r.example=me', STDIN], 'geheim-1\ngeheim-2\n', /--registry-password-stdin.*r\.example/],
    ['a large file', [NAME, 'r.example=me', STDIN], 'x'.repeat(100_000), /64 kB/],
  ])('with %s is refused', async (_, args, input, message) => {
    const { code, err } = await push(args, input);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(err).not.toContain('geheim');
  });

  it('is not read from a terminal', async () => {
    const terminal = new Terminal(['push', 'none.tar', '--to', 'r.example/x', NAME, 'r.example=me', STDIN], {}, folder);
    Object.assign(terminal.stdin, { isTTY: true });
    const { code, err } = await terminal.run();
    expect([code, err]).toEqual([2, expect.stringMatching(/--registry-password-stdin.*r\.example/)]);
  });

  it('is read before the command runs', async () => {
    const { code, err } = await push([NAME, 'r.example=me', STDIN], 'geheim\n');
    // Fails because the bundle does not exist.
    expect([code, err]).toEqual([1, expect.stringContaining('none.tar')]);
  });
});
