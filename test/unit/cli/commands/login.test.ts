import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../../../support/scratch.ts';
import { Terminal } from '../../../support/terminal.ts';

const STDIN = ['--username', 'me', '--password-stdin'];
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

describe('helm airgap login', () => {
  it.each([
    ['something that is no registry', ['https://r.example', ...STDIN], 'geheim-1'],
    ['an invalid path', ['r.example/../x', ...STDIN], 'geheim-1'],
    ['a password without a user', ['r.example', '--password-stdin'], 'geheim-1'],
    ['a colon in the user name', ['r.example', '--username', 'me:geheim-1', '--password-stdin'], 'geheim-1'],
    ['an empty user name', ['r.example', '--username', '', '--password-stdin'], 'geheim-1'],
    ['an empty password', ['r.example', ...STDIN], '\n'],
    ['two lines', ['r.example', ...STDIN], 'geheim-1\ngeheim-1\n'],
    ['neither a user nor a terminal', ['r.example'], ''],
    ['no terminal for the password', ['r.example', '--username', 'me'], 'geheim-1'],
    ['a name that no Secret can have', ['r.example', ...STDIN, '--print-secret', 'Reg_Cred'], 'geheim-1'],
    ['a manifest as JSON', ['r.example', ...STDIN, '--print-secret', 'a', '-o', 'json'], 'geheim-1'],
    ['a manifest for one program', ['r.example', ...STDIN, '--print-secret', 'a', '--only', 'helm'], 'geheim-1'],
    ['ECR without a region', ['r.example', '--registry-type', 'ecr'], ''],
  ])('refuses %s', async (_, args, input) => {
    const home = scratchFolder();
    const { code, out, err } = await new Terminal(['login', ...args], { HOME: home, PATH: '' }, home, input).run();
    expect(code).toBe(2);
    expect(out + err).not.toContain('geheim-1');
    expect(readdirSync(home)).toEqual([]);
  });

  it('stores nothing for ECR if there are no AWS credentials', async () => {
    const home = scratchFolder();
    const env = { HOME: home, PATH: '', AWS_PROFILE: 'none' };
    const { code } = await new Terminal(['login', ECR], env, home).run();
    expect([code, existsSync(`${home}/.docker`)]).toEqual([1, false]);
  });
});
