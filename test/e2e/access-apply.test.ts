import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { startEcr } from '../support/ecr.ts';
import { mirantisForTest } from '../support/mirantis.ts';
import { scratchFolder } from '../support/scratch.ts';

const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const role = (name: string): string => `arn:aws:iam::123456789012:role/${name}`;

test('accounts, teams and rights of one registry are planned for another, written once, and then as they should be', async () => {
  const home = scratchFolder();
  const [source, target] = [await mirantisForTest({ namesTeams: true }), await mirantisForTest()];
  // More than the pages of the API, and than the requests at the same time.
  for (let i = 0; i < 130; i += 1) source.state.user(`user-${i}`);
  source.state
    .user('ann', { isAdmin: true, fullName: 'Ann' })
    .organization('eng', ['*ann', 'user-1'], 'Engineering')
    .team('eng', 'back/end', ['user-1'], { description: 'services' })
    .repository(
      'eng/app',
      { visibility: 'public', immutableTags: true, longDescription: '# App' },
      { 'back/end': 'admin' },
    )
    .repository('user-1/own');
  source.state.organizations.get('eng')?.access.set('back/end', 'read-only');
  const env = { ...source.env, ...target.env };
  const plain = (host: string): string[] => ['--plain-http', host];
  await airgapOk(['access', 'export', 'access.yaml', '--from', source.host, ...plain(source.host)], home, {
    env,
    cwd: home,
  });
  const apply = ['access', 'apply', 'access.yaml', '--to', target.host, ...plain(target.host)];
  const run = (...more: string[]) => airgap([...apply, ...more], home, { env, cwd: home });

  const plan = await run();
  expect([plan.code, target.writes()]).toEqual([0, []]);
  expect(plan.stdout).toMatch(/team access +eng\/app: back\/end +new, admin/);
  // The administrator of the source is one here only on demand; the target's own account is left.
  expect(plan.stdout).toMatch(/ann +account +.*--include-admins/);
  expect(plan.stderr).toContain('--write');

  const written = JSON.parse((await run('--write', '-o', 'json')).stdout);
  expect([written.kind, written.written, written.changes.length]).toEqual([
    'AccessChanges',
    true,
    target.writes().length,
  ]);
  expect(new Set(written.changes.map(({ status }: { status: string }) => status))).toEqual(new Set(['done']));
  expect(target.state.accounts.get('ann')?.isAdmin).toBe(false);
  for (const { password } of target.state.accounts.values()) {
    if (password !== '') expect(JSON.stringify(written)).not.toContain(password);
  }
  target.forget();
  const again = await run('--write');
  expect([again.code, target.writes()]).toEqual([0, []]);
  expect(again.stderr + again.stdout).toContain('nothing to change');

  // What is refused ends with 1, and is listed with the code of the API.
  target.refuse(/^PUT .*teamAccess/, 400, 'INVALID_FORM_FIELD', 'no such level');
  target.state.repositories.get('eng/app')?.teams.set('back/end', 'read-only');
  const refused = await run('--write');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/read-only -> admin +refused: .*INVALID_FORM_FIELD/);
});

test('rights become repository policies of ECR for mapped principals, and what is not mapped is listed', async () => {
  const home = scratchFolder();
  const ecr = await startEcr({ repositories: ['mirror/eng/app'] });
  const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_ENDPOINT_URL_ECR: ecr.endpoint };
  try {
    writeFileSync(
      join(home, 'access.yaml'),
      `apiVersion: airgap/v1
kind: RegistryAccess
registry: msr.example
accounts: [{name: ann, isActive: true, isAdmin: false}]
organizations:
  - {name: eng, members: [], teams: [{name: dev, members: [{name: ann, isAdmin: false}]}, {name: ops, members: []}]}
repositories:
  - namespace: eng
    name: app
    settings: {visibility: public}
    teams: [{team: dev, access: read-write}, {team: ops, access: admin}]
  - {namespace: eng, name: gone, settings: {}, teams: [{team: dev, access: read-only}]}
`,
    );
    const map = (text: string): void =>
      writeFileSync(join(home, 'principals.yaml'), `apiVersion: airgap/v1\nkind: PrincipalMap\n${text}`);
    const apply = ['access', 'apply', 'access.yaml', '--to', `${ECR}/mirror`, '--naming', 'path'];
    const run = (...more: string[]) => airgap([...apply, ...more], home, { env, cwd: home });
    const principals = ['--principals', 'principals.yaml'];

    // One sentence for each problem of the map, and no request.
    map(`teams: { eng/dev: ["${role('*')}"], eng/none: [] }\norganizations: { ann: [] }\n`);
    const invalid = await run(...principals);
    expect(invalid.code).toBe(2);
    expect(invalid.stderr.match(/principals\.yaml:\d+:\d+: /g)).toHaveLength(3);
    expect(ecr.requests).toEqual([]);

    map(`teams: { eng/dev: ["${role('dev')}"] }\n`);
    const plan = await run(...principals);
    expect(plan.code).toBe(0);
    expect(plan.stdout).toMatch(new RegExp(`mirror/eng/app +read-write +to change +${role('dev')}`));
    expect(plan.stdout).toMatch(/eng\/ops +team +admin +1/);
    expect(plan.stderr).toMatch(/public.*eng\/app/);
    expect(new Set(ecr.requests.map(({ request }) => request))).toEqual(new Set(['GetRepositoryPolicy']));

    // 3: a repository is missing.
    const written = await run(...principals, '--write', '-o', 'json');
    expect(written.code).toBe(3);
    const { kind, policies, unmapped } = JSON.parse(written.stdout);
    const statuses = policies.map((each: { source: string; status: string }) => [each.source, each.status]);
    expect([kind, statuses]).toEqual([
      'RepositoryPolicies',
      [
        ['eng/app', 'changed'],
        ['eng/gone', 'missing'],
      ],
    ]);
    expect(unmapped).toHaveLength(1);
    const stored = JSON.parse(String(ecr.repositories.get('mirror/eng/app')?.settings.policyText));
    expect(stored).toEqual(policies[0].policy);
    const before = ecr.requests.length;
    expect((await run(...principals, '--write')).code).toBe(3);
    expect(ecr.requests.slice(before).every(({ request }) => request === 'GetRepositoryPolicy')).toBe(true);
  } finally {
    await ecr.stop();
  }
});
