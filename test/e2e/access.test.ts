import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { accessSchema } from '../../src/inventory/access.ts';
import { airgap, airgapOk, type RunOptions } from '../support/cli.ts';
import { ADMIN, startMirantis, type TestMirantis } from '../support/mirantis.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Accounts, teams and rights of a registry in a file. The registry is a stand-in, which follows public documentation. */

const home = scratchFolder();
let mirantis: TestMirantis;

beforeAll(async () => {
  mirantis = await startMirantis();
  const users = Array.from({ length: 25 }, (_, i) => `user-${i}`);
  for (const name of users) mirantis.state.user(name);
  mirantis.state
    .organization('shop', users)
    .team('shop', 'dev', users.slice(0, 12))
    .team('shop', 'directory', [], { isSynced: true })
    .repository('shop/web', { longDescription: '# Web' }, { dev: 'read-write' })
    .repository('user-1/tools');
});
afterAll(() => mirantis.stop());

const exported = (file: string, ...more: string[]): string[] => [
  'access',
  'export',
  file,
  '--from',
  mirantis.host,
  '--plain-http',
  mirantis.host,
  ...more,
];
const loggedIn = (): RunOptions => ({ cwd: home, env: mirantis.env });

describe('access export', () => {
  test('writes a file that is read as it was written, the same each time, and no secrets', async () => {
    const { stdout, stderr } = await airgapOk(exported('access.yaml'), home, loggedIn());
    const text = readFileSync(join(home, 'access.yaml'), 'utf8');
    const { accounts, organizations, repositories } = accessSchema.parse(parse(text));
    expect([accounts.length, organizations.length, repositories.length]).toEqual([26, 1, 2]);
    expect(organizations[0]?.teams.map(({ members }) => members.length)).toEqual([12, 0]);
    expect(stdout).toMatch(/^shop +25 +2 +1 +1$/m);
    expect(stderr).toContain('shop/directory');
    expect(`${text}${stdout}${stderr}`).not.toMatch(/secret-of|password-of|00000000-0000/);

    const login = ['--registry-username', `${mirantis.host}=${ADMIN.name}`, '--registry-password-stdin'];
    const again = await airgapOk(exported('again.yaml', '-o', 'json', ...login), home, {
      cwd: home,
      input: ADMIN.password,
    });
    expect(readFileSync(join(home, 'again.yaml'), 'utf8')).toBe(text);
    expect(JSON.parse(again.stdout)).toMatchObject({
      kind: 'AccessExport',
      file: 'again.yaml',
      registry: mirantis.host,
      counts: { accounts: 26, organizations: 1, teams: 2, memberships: 37, repositories: 2, rights: 1 },
      ldapTeams: ['shop/directory'],
      unread: [],
    });
    expect(statSync(join(home, 'again.yaml')).mode & 0o777).toBe(0o644);
  });

  test('does not replace a file, unless it is told to', async () => {
    writeFileSync(join(home, 'edited.yaml'), '# edited\n');
    mirantis.forget();
    const refused = await airgap(exported('edited.yaml'), home, loggedIn());
    expect([refused.code, readFileSync(join(home, 'edited.yaml'), 'utf8')]).toEqual([1, '# edited\n']);
    expect(mirantis.requests).toEqual([]);
    await airgapOk(exported('edited.yaml', '--force', '--organization', 'shop'), home, loggedIn());
    expect(parse(readFileSync(join(home, 'edited.yaml'), 'utf8'))).toMatchObject({ repositories: [{ name: 'web' }] });
  });

  test('of a list that is cut off, or without a login, writes nothing', async () => {
    const anonymous = await airgap(exported('none.yaml', '-o', 'json'), home, { cwd: home });
    expect([anonymous.code, JSON.parse(anonymous.stdout)]).toMatchObject([
      1,
      { kind: 'Failure', command: 'access export', errors: [{ code: 'unauthorized' }] },
    ]);
    mirantis.cutOff(/^GET \/enzi\/v0\/accounts\?/, 10);
    const { code, stderr } = await airgap(exported('none.yaml'), home, loggedIn());
    expect(code).toBe(1);
    expect(stderr).toContain(`accounts of ${mirantis.host}`);
    expect(existsSync(join(home, 'none.yaml'))).toBe(false);
  });

  test('that cannot read everything says so, and ends with 3', async () => {
    mirantis.refuse(/shop\/members\?/, 403, 'NOT_AUTHORIZED');
    const { code, stdout } = await airgap(exported('part.yaml', '--organization', 'shop'), home, loggedIn());
    expect(code).toBe(3);
    expect(stdout).toContain('members of organization shop');
    expect(existsSync(join(home, 'part.yaml'))).toBe(true);
  });
});
