import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declaredHosts, type EcrFlags, repositoryChoice } from '../../../src/cli/flags/ecr.ts';
import { targetOf } from '../../../src/cli/flags/target.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airgap-ecr-flags-'));
  writeFileSync(join(folder, 'lifecycle.json'), '{ "rules": [] }\n');
  writeFileSync(join(folder, 'broken.json'), '{');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const none: EcrFlags = { createRepositories: 'missing', immutableExcept: [], repositoryTag: [] };

describe('what is asked for of repositories', () => {
  it('is nothing without flags', async () => {
    expect(await repositoryChoice(none, folder)).toEqual({ create: 'missing', reconcile: false, settings: {} });
  });

  it('is said by flags, policies by files', async () => {
    const flags: EcrFlags = {
      ...none,
      immutable: true,
      immutableExcept: ['dev-*'],
      repositoryTag: ['team=a=b'],
      lifecyclePolicy: 'lifecycle.json',
      reconcile: true,
    };
    expect(await repositoryChoice(flags, folder)).toEqual({
      create: 'missing',
      reconcile: true,
      settings: { immutable: true, except: ['dev-*'], tags: { team: 'a=b' }, lifecyclePolicy: '{"rules":[]}' },
    });
  });

  it.each<[string, Partial<EcrFlags>]>([
    ['--immutable-except needs --immutable', { immutableExcept: ['dev-*'] }],
    ['no such pattern: a b', { immutable: true, immutableExcept: ['a b'] }],
    ['five at most', { immutable: true, immutableExcept: ['a', 'b', 'c', 'd', 'e', 'f'] }],
    ['--repository-tag team is not KEY=VALUE', { repositoryTag: ['team'] }],
    ['broken.json is not JSON', { repositoryPolicy: 'broken.json' }],
  ])('is wrong usage: %s', async (message, flags) => {
    await expect(repositoryChoice({ ...none, ...flags }, folder)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    });
  });
});

describe('a registry whose name does not say that it is ECR', () => {
  const ecr = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

  it('is declared, with the region of the flag or of the environment', async () => {
    const flags = { registryType: 'ecr', region: 'eu-west-1' } as const;
    expect(await declaredHosts(['ecr.corp', ecr], flags, {})).toEqual([{ host: 'ecr.corp', region: 'eu-west-1' }]);
    const inherited = await declaredHosts(['ecr.corp'], { registryType: 'ecr' }, { AWS_DEFAULT_REGION: 'eu-west-3' });
    expect(inherited).toEqual([{ host: 'ecr.corp', region: 'eu-west-3' }]);
    expect(await declaredHosts(['ecr.corp'], {}, {})).toEqual([]);
    await expect(declaredHosts(['ecr.corp'], { registryType: 'ecr' }, {})).rejects.toMatchObject({ code: 'usage' });
  });

  it('gets names that ECR takes, like one whose name says it', async () => {
    const flags = { namingRule: [] };
    const plain = await targetOf('registry.corp.example/m', flags);
    const declared = await targetOf('registry.corp.example/m', { ...flags, registryType: 'ecr' });
    const named = await targetOf(`${ecr}/m`, flags);
    expect([plain, declared, named].map(({ legal }) => legal?.('a__b') ?? 'a__b')).toEqual([
      'a__b',
      'a_run2_b',
      'a_run2_b',
    ]);
  });
});

describe('the naming of a configuration file', () => {
  const config = { naming: { default: 'name', chartPrefix: 'helm', rules: [{ match: 'quay.io/*', to: 'q/{name}' }] } };

  it('counts where no flag says otherwise; rules of flags come first', async () => {
    expect(await targetOf('r.example/m', { namingRule: [] }, config)).toMatchObject({
      naming: 'name',
      chartPrefix: 'helm',
      rules: [{ match: 'quay.io/*', to: 'q/{name}' }],
    });
    const flags = { naming: 'path', namingRule: ['quay.io/a=a'], chartPrefix: '' };
    expect(await targetOf('r.example/m', flags, config)).toMatchObject({
      naming: 'path',
      chartPrefix: '',
      rules: [{ match: 'quay.io/a', to: 'a' }, { match: 'quay.io/*' }],
    });
  });

  it('is checked like flags', async () => {
    const wrong = { naming: { rules: [{ match: 'x', to: '{y}' }] } };
    await expect(targetOf('r.example/m', { namingRule: [] }, wrong)).rejects.toMatchObject({ code: 'usage' });
  });
});
