import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { type AccessDocument, accessSchema } from '../../../../src/inventory/access.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import {
  applyPolicies,
  type PolicyOptions,
  type PolicyResult,
} from '../../../../src/workflows/access/apply-policies.ts';
import { awsEnvironment, declaring, operations } from '../../../support/ecr/access.ts';
import { startEcr, type TestEcr } from '../../../support/ecr.ts';

afterEach(() => vi.unstubAllEnvs());

const role = (name: string): string => `arn:aws:iam::123456789012:role/${name}`;
const repository = (name: string, team: string, access: string, settings: object = {}) => ({
  namespace: 'eng',
  name,
  settings,
  teams: [{ team, access }],
});

const document: AccessDocument = accessSchema.parse({
  apiVersion: 'airgap/v1',
  kind: 'RegistryAccess',
  registry: 'msr.example:8443',
  accounts: [{ name: 'root', isActive: true, isAdmin: true }],
  organizations: [
    {
      name: 'eng',
      members: [],
      teams: [
        { name: 'dev', members: [] },
        { name: 'other', members: [] },
      ],
    },
  ],
  repositories: [
    repository('app', 'dev', 'read-write', { visibility: 'public' }),
    repository('lib', 'dev', 'read-only'),
    repository('new', 'dev', 'admin', { immutableTags: true }),
    repository('theirs', 'other', 'admin'),
  ],
});

async function ecrForTest(): Promise<TestEcr> {
  awsEnvironment();
  const ecr = await startEcr({ repositories: ['m/eng/app', 'm/eng/lib', 'm/eng/theirs'] });
  onTestFinished(() => ecr.stop());
  return ecr;
}

function apply(ecr: TestEcr, more: Partial<PolicyOptions> = {}, context: object = {}): Promise<PolicyResult> {
  const own = { env: {}, cwd: '/', emit: () => {}, ...context } as unknown as Parameters<typeof applyPolicies>[0];
  return applyPolicies(own, {
    document,
    map: { teams: new Map([['eng/dev', [role('dev')]]]), accounts: new Map(), organizations: new Map() },
    target: parseTarget(`${ecr.host}/m`, 'path'),
    access: { mirrors: [], plainHttp: [], ...declaring(ecr) },
    create: 'never',
    write: true,
    ...more,
  });
}

const statuses = ({ outcomes }: PolicyResult): string[] =>
  outcomes.map(({ source, status, isNew }) => `${source} ${status}${isNew ? ' new' : ''}`);

const policyOf = (ecr: TestEcr, name: string): { Statement: { Sid: string; Principal: unknown }[] } =>
  JSON.parse(String(ecr.repositories.get(name)?.settings.policyText ?? '{"Statement":[]}'));

test('policies are planned, set once, kept apart from those of people, and found as they should be afterwards', async () => {
  const ecr = await ecrForTest();
  const own = { Sid: 'Own', Effect: 'Deny', Principal: '*', Action: 'ecr:PutImage' };
  ecr.createRepository('m/eng/lib', { policyText: JSON.stringify({ Version: '2008-10-17', Statement: own }) });
  const plan = await apply(ecr, { write: false });
  const expected = ['eng/app planned', 'eng/lib planned', 'eng/new missing', 'eng/theirs same'];
  expect(statuses(plan)).toEqual(expected);
  expect(new Set(operations(ecr))).toEqual(new Set(['GetRepositoryPolicy']));
  expect(plan.unmapped).toEqual([{ kind: 'team', name: 'eng/other', access: 'admin', repositories: 1 }]);
  expect([plan.public, plan.administrators]).toEqual([['eng/app'], ['root']]);

  expect(statuses(await apply(ecr))).toEqual(expected.map((line) => line.replace('planned', 'changed')));
  expect(policyOf(ecr, 'm/eng/lib').Statement.map(({ Sid }) => Sid)).toEqual(['Own', 'AirgapAccessReadOnly']);
  expect(policyOf(ecr, 'm/eng/lib').Statement[0]).toEqual(own);
  expect(policyOf(ecr, 'm/eng/app').Statement[0]?.Principal).toEqual({ AWS: [role('dev')] });
  expect(policyOf(ecr, 'm/eng/theirs').Statement).toEqual([]);

  const before = operations(ecr).length;
  expect(statuses(await apply(ecr))).toEqual(expected.map((line) => line.replace('planned', 'same')));
  expect(new Set(operations(ecr).slice(before))).toEqual(new Set(['GetRepositoryPolicy']));

  // A principal that the map does not have any more loses its right; what people wrote stays.
  const none = { teams: new Map(), accounts: new Map(), organizations: new Map() };
  const removed = await apply(ecr, { map: none });
  expect(removed.outcomes[0]?.change?.principals).toEqual([{ principal: role('dev'), from: 'read-write' }]);
  expect(ecr.repositories.get('m/eng/app')?.settings.policyText).toBeUndefined();
  expect(policyOf(ecr, 'm/eng/lib').Statement).toEqual([own]);
});

test('missing repositories are created on demand, with the settings of the document', async () => {
  const ecr = await ecrForTest();
  const plan = await apply(ecr, { create: 'missing', write: false });
  expect(statuses(plan)).toContain('eng/new planned new');
  expect(ecr.repositories.has('m/eng/new')).toBe(false);
  expect(statuses(await apply(ecr, { create: 'missing' }))).toContain('eng/new changed new');
  expect(ecr.repositories.get('m/eng/new')?.settings.imageTagMutability).toBe('IMMUTABLE');
  expect(policyOf(ecr, 'm/eng/new').Statement[0]?.Sid).toBe('AirgapAccessAdmin');
});

test('one repository that fails does not hold up others; without a login nothing goes on', async () => {
  const ecr = await ecrForTest();
  ecr.createRepository('m/eng/theirs', { policyText: '[]' });
  const many = new Map([['eng/dev', Array.from({ length: 300 }, (_, i) => role(`dev-${i}`))]]);
  const full = { teams: many, accounts: new Map(), organizations: new Map() };
  const denied = { code: 'AccessDeniedException', message: 'not authorized to perform: ecr:SetRepositoryPolicy' };
  ecr.fault({ match: 'SetRepositoryPolicy', ...denied });
  const result = await apply(ecr);
  expect(statuses(result).sort()).toEqual([
    expect.stringMatching(/^eng\/app (failed|changed)$/),
    expect.stringMatching(/^eng\/lib (failed|changed)$/),
    'eng/new missing',
    'eng/theirs failed',
  ]);
  expect(result.outcomes.flatMap(({ error }) => error?.code ?? []).sort()).toEqual(['forbidden', 'unsupported']);
  const tooLong = await apply(ecr, { map: full, write: false });
  expect(statuses(tooLong)).toContain('eng/app failed');

  const name = { code: 'UnrecognizedClientException', message: 'The security token is invalid.' };
  ecr.fault({ match: 'GetRepositoryPolicy', ...name, times: 4 });
  await expect(apply(ecr)).rejects.toMatchObject({ code: 'unauthorized' });
});

test('an interrupt between two policies is reported with what was set', async () => {
  const ecr = await ecrForTest();
  const interrupt = new AbortController();
  const emit = (event: object): void => {
    if (JSON.stringify(event).includes('setting')) interrupt.abort();
  };
  const result = await apply(ecr, {}, { emit, signal: interrupt.signal });
  expect(statuses(result).slice(0, 2)).toEqual(['eng/app failed', 'eng/lib planned']);
  expect(result.outcomes[0]?.error?.code).toBe('interrupted');
  expect(operations(ecr)).not.toContain('SetRepositoryPolicy');
});

test('two repositories never share a name, and with it their rights', async () => {
  const ecr = await ecrForTest();
  const target = parseTarget(`${ecr.host}/m`, 'single-repository');
  await expect(apply(ecr, { target })).rejects.toMatchObject({ code: 'collision' });
  expect(operations(ecr)).toEqual([]);
});
