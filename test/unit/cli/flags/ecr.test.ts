import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { declaredHosts, type EcrFlags, repositoryOptions, warnUnusedEcrFlags } from '../../../../src/cli/flags/ecr.ts';
import { targetOf } from '../../../../src/cli/flags/target.ts';
import type { RepositoryOptions } from '../../../../src/workflows/push/repositories.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

let folder: string;
beforeAll(() => {
  folder = scratchFolder();
  writeFileSync(join(folder, 'lifecycle.json'), '{ "rules": [] }\n');
  writeFileSync(join(folder, 'catalog.json'), '{ "description": "Charts" }');
  writeFileSync(join(folder, 'broken.json'), '{');
  writeFileSync(join(folder, 'list.json'), '["x"]');
  writeFileSync(join(folder, 'long.json'), JSON.stringify({ rules: 'x'.repeat(30_720) }));
});

const none: EcrFlags = { createRepositories: 'missing', immutableExcept: [], repositoryTag: [] };

describe('settings of repositories', () => {
  it('are empty without flags', async () => {
    expect(await repositoryOptions(none, folder)).toEqual({ create: 'missing', reconcile: false, settings: {} });
  });

  it('come from flags, and policies from files', async () => {
    const flags: EcrFlags = {
      ...none,
      immutable: true,
      immutableExcept: ['dev-*'],
      repositoryTag: ['team=a=b'],
      lifecyclePolicy: 'lifecycle.json',
      catalogData: 'catalog.json',
      reconcile: true,
    };
    expect(await repositoryOptions(flags, folder)).toEqual({
      create: 'missing',
      reconcile: true,
      settings: {
        immutable: true,
        except: ['dev-*'],
        tags: { team: 'a=b' },
        lifecyclePolicy: '{"rules":[]}',
        catalogData: { description: 'Charts' },
      },
    });
  });

  it.each<[string, Partial<EcrFlags>]>([
    ['--immutable-except', { immutableExcept: ['dev-*'] }],
    ['a b', { immutable: true, immutableExcept: ['a b'] }],
    ['five', { immutable: true, immutableExcept: ['a', 'b', 'c', 'd', 'e', 'f'] }],
    ['--repository-tag team ', { repositoryTag: ['team'] }],
    ['--repository-policy broken.json', { repositoryPolicy: 'broken.json' }],
    ['--lifecycle-policy list.json', { lifecyclePolicy: 'list.json' }],
    ['30732', { lifecyclePolicy: 'long.json' }],
    ['--catalog-data list.json', { catalogData: 'list.json' }],
  ])('are refused: %s', async (message, flags) => {
    await expect(repositoryOptions({ ...none, ...flags }, folder)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    });
  });
});

describe('ECR under another host name', () => {
  const ecr = '123456789012.dkr.ecr.us-east-1.amazonaws.com';

  it('is declared, with the region of the flag or of the environment', async () => {
    const flags = { registryType: 'ecr', region: 'eu-west-1' } as const;
    expect(await declaredHosts(['ecr.corp', ecr], flags, {})).toEqual([{ host: 'ecr.corp', region: 'eu-west-1' }]);
    const inherited = await declaredHosts(['ecr.corp'], { registryType: 'ecr' }, { AWS_DEFAULT_REGION: 'eu-west-3' });
    expect(inherited).toEqual([{ host: 'ecr.corp', region: 'eu-west-3' }]);
    expect(await declaredHosts(['ecr.corp'], {}, {})).toEqual([]);
    expect(await declaredHosts(['public.ecr.aws'], flags, {})).toEqual([]);
    await expect(declaredHosts(['ecr.corp'], { registryType: 'ecr' }, {})).rejects.toMatchObject({ code: 'usage' });
  });

  it('gets repository names that ECR allows', async () => {
    const flags = { namingRule: [] };
    const plain = await targetOf('registry.corp.example/m', flags);
    const declared = await targetOf('registry.corp.example/m', { ...flags, registryType: 'ecr' });
    const named = await targetOf(`${ecr}/m`, flags);
    const inPublic = await targetOf('public.ecr.aws/acme/m', flags);
    expect([plain, declared, named, inPublic].map(({ toLegalPath }) => toLegalPath?.('a__b') ?? 'a__b')).toEqual([
      'a__b',
      'a_run2_b',
      'a_run2_b',
      'a_run2_b',
    ]);
  });
});

describe('a prefix', () => {
  it.each([
    ['--to', 'my__team', {}],
    ['--chart-prefix', 'm', { chartPrefix: 'he--lm' }],
  ])('of %s that ECR does not allow is refused, for ECR only', async (flag, path, more) => {
    const flags = { namingRule: [], ...more };
    await expect(targetOf(`r.example/${path}`, { ...flags, registryType: 'ecr' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(`${flag}: ECR .*${path}`),
    });
    expect(await targetOf(`r.example/${path}`, flags)).toMatchObject({ prefix: path });
  });
});

describe('flags for ECR repositories', () => {
  const ecr = '123456789012.dkr.ecr.us-east-1.amazonaws.com';
  const defaults = { create: 'missing', reconcile: false, settings: {} } as const;
  const warned = async (registries: string[], given: Partial<RepositoryOptions>): Promise<string[]> => {
    const messages: string[] = [];
    await warnUnusedEcrFlags(
      registries,
      [{ host: 'ecr.corp', region: 'x-y-1' }],
      { ...defaults, ...given },
      (event) => {
        if (event.type === 'warning') messages.push(event.message);
      },
    );
    return messages;
  };

  it('cause a warning for a registry that is not ECR', async () => {
    const settings = { immutable: true };
    expect(await warned([ecr, 'registry.corp', 'ecr.corp'], { settings })).toEqual([
      expect.stringMatching(/^registry\.corp .*--registry-type ecr/),
    ]);
    expect(await warned(['registry.corp'], { create: 'never' })).toHaveLength(1);
    expect(await warned(['registry.corp'], {})).toEqual([]);
  });

  it('cause a warning that names those of the other kind of ECR', async () => {
    const settings = { immutable: true, scanOnPush: true, kmsKey: 'k', lifecyclePolicy: '{}', tags: { a: 'b' } };
    expect(await warned(['public.ecr.aws', ecr], { settings })).toEqual([
      expect.stringMatching(/^--immutable, --kms-key, --scan, --lifecycle-policy: .*public\.ecr\.aws/),
    ]);
    const catalog = { settings: { catalogData: { description: 'x' }, repositoryPolicy: '{}' } };
    expect(await warned(['public.ecr.aws', ecr], catalog)).toEqual([
      expect.stringMatching(new RegExp(`^--catalog-data: .*${ecr}`)),
    ]);
    expect(await warned(['public.ecr.aws'], { create: 'never', reconcile: true })).toEqual([]);
  });
});

describe('the naming of a configuration file', () => {
  const config = { naming: { default: 'name', chartPrefix: 'helm', rules: [{ match: 'quay.io/*', to: 'q/{name}' }] } };

  it('applies without flags; rules of flags come first', async () => {
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

  it('is validated like flags', async () => {
    const wrong = { naming: { rules: [{ match: 'x', to: '{y}' }] } };
    await expect(targetOf('r.example/m', { namingRule: [] }, wrong)).rejects.toMatchObject({ code: 'config' });
  });
});

it('values accepts the flags of push for ECR under another host name', async () => {
  const flags = ['--to', 'ecr.corp/m', '--registry-type', 'ecr', '--region', 'eu-west-1'];
  // Fails because the bundle does not exist; wrong usage would be 2.
  expect(await airgap(['values', 'app', '--bundle', '/nowhere/bundle.tar', ...flags])).toMatchObject({ code: 1 });
});
