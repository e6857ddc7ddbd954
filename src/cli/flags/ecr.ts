import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import type { Environment } from '../../base/environment.ts';
import { AirgapError, messageOf } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { isMapping } from '../../base/mapping.ts';
import type { EcrHostDeclaration, EcrKind } from '../../ecr/hosts.ts';
import type { CatalogData } from '../../ecr/public/catalog-data.ts';
import type { RepositoryOptions } from '../../workflows/push/repositories.ts';
import { type FlagsOf, flagGroup, parseAssignment, repeatable } from './option.ts';

/** Maximum length of policies in characters (ECR API: PutLifecyclePolicy, SetRepositoryPolicy). */
const LIFECYCLE_LIMIT = 30_720;
const POLICY_LIMIT = 10_240;

/** Adds flags for repositories in Amazon ECR. */
export const addEcrFlags = flagGroup((command) =>
  command
    .optionsGroup('Amazon ECR:')
    .addOption(
      new Option('--create-repositories <when>', 'create missing repositories; never: list them and push nothing')
        .choices(['missing', 'never'])
        .default('missing'),
    )
    .option('--immutable', 'create repositories with immutable tags')
    .addOption(
      repeatable('--immutable-except <pattern>', 'with --immutable: tags that stay mutable; * matches anything'),
    )
    .option('--kms-key <key>', 'encrypt new repositories with this KMS key: ARN, ID, alias or aws/ecr')
    .option('--scan', 'enable scan on push for new repositories')
    .addOption(repeatable('--repository-tag <key=value>', 'set an AWS resource tag on new repositories'))
    .option('--lifecycle-policy <file>', 'lifecycle policy for new repositories, JSON')
    .option('--repository-policy <file>', 'repository policy for new repositories, JSON')
    .option('--catalog-data <file>', 'catalog data for new repositories in ECR Public, JSON')
    .option('--reconcile', 'apply these settings to existing repositories too'),
);

export type EcrFlags = FlagsOf<typeof addEcrFlags>;

/** Returns the settings of repositories that the flags say. @throws AirgapError `usage`, `file` */
export async function repositoryOptions(flags: EcrFlags, cwd: string): Promise<RepositoryOptions> {
  const { immutable, immutableExcept: except, kmsKey, scan, repositoryTag } = flags;
  if (except.length > 0 && !immutable) {
    throw new AirgapError('usage', '--immutable-except needs --immutable', { hint: 'give both or neither' });
  }
  const invalid = except.find((pattern) => !/^[0-9a-zA-Z._*-]{1,128}$/.test(pattern));
  if (invalid !== undefined || except.length > 5) {
    const problem =
      invalid === undefined ? 'ECR allows at most five patterns' : `ECR does not allow the pattern ${invalid}`;
    throw new AirgapError('usage', `--immutable-except: ${problem}`, { hint: 'example: --immutable-except "dev-*"' });
  }
  const lifecyclePolicy = await readPolicy('--lifecycle-policy', flags.lifecyclePolicy, cwd, LIFECYCLE_LIMIT);
  const repositoryPolicy = await readPolicy('--repository-policy', flags.repositoryPolicy, cwd, POLICY_LIMIT);
  return {
    create: flags.createRepositories,
    reconcile: flags.reconcile ?? false,
    settings: {
      immutable,
      except: immutable ? except : undefined,
      kmsKey,
      scanOnPush: scan,
      tags: repositoryTag.length === 0 ? undefined : Object.fromEntries(repositoryTag.map(parseTag)),
      lifecyclePolicy,
      repositoryPolicy,
      catalogData: await readCatalogData(flags.catalogData, cwd),
    },
  };
}

/**
 * Returns the hosts that `--registry-type ecr` declares as ECR although their names do not show it.
 * @throws AirgapError `usage` without a region
 */
export async function declaredHosts(
  registries: readonly string[],
  { registryType, region }: { readonly registryType?: 'ecr'; readonly region?: string },
  env: Environment,
): Promise<readonly EcrHostDeclaration[]> {
  const { ecrKind } = await import('../../ecr/hosts.ts');
  const undetected = registries.filter((registry) => ecrKind(registry) === undefined);
  if (registryType === undefined || undetected.length === 0) return [];
  const resolvedRegion = region || env.AWS_REGION || env.AWS_DEFAULT_REGION;
  if (!resolvedRegion) {
    throw new AirgapError('usage', `--registry-type ecr: the region of ${undetected[0]} is unknown`, {
      hint: 'set it with --region',
    });
  }
  return undetected.map((host) => ({ host, region: resolvedRegion }));
}

/** Warns about ECR flags that have no effect, because a registry is not known to be ECR or is another kind of it. */
export async function warnUnusedEcrFlags(
  registries: readonly string[],
  declared: readonly EcrHostDeclaration[] | undefined,
  { create, reconcile, settings }: RepositoryOptions,
  emit: Emit,
): Promise<void> {
  const { hasSettings } = await import('../../ecr/settings.ts');
  if (create === 'missing' && !reconcile && !hasSettings(settings)) return;
  const { ecrKind } = await import('../../ecr/hosts.ts');
  for (const registry of new Set(registries)) {
    const kind = ecrKind(registry, declared);
    const unused = kind === undefined ? [] : unusedFlags(kind, settings);
    if (kind !== undefined && unused.length === 0) continue;
    const message =
      kind === undefined
        ? `${registry} is not a known ECR host: flags for ECR repositories have no effect there; for ECR under another name add --registry-type ecr`
        : `${unused.join(', ')}: no effect at ${registry}, which is ${kind === 'public' ? 'ECR Public' : 'private ECR'}`;
    emit({ type: 'warning', message });
  }
}

/** Returns the flags given for settings that this kind of ECR does not have. */
function unusedFlags(kind: EcrKind, settings: RepositoryOptions['settings']): string[] {
  const flags = {
    private: { '--catalog-data': settings.catalogData },
    public: {
      '--immutable': settings.immutable,
      '--kms-key': settings.kmsKey,
      '--scan': settings.scanOnPush,
      '--lifecycle-policy': settings.lifecyclePolicy,
    },
  };
  return Object.entries(flags[kind]).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
}

function parseTag(text: string): readonly [string, string] {
  const form = { form: 'KEY=VALUE', example: 'team=platform', mayBeEmpty: true };
  return parseAssignment('--repository-tag', text, form);
}

async function readPolicy(
  flag: string,
  file: string | undefined,
  cwd: string,
  limit: number,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const compact = parsePolicy(flag, file, await readText(flag, file, cwd));
  if (compact.length <= limit) return compact;
  throw new AirgapError('usage', `${flag} ${file} has ${compact.length} characters without white space`, {
    hint: `ECR allows ${limit}`,
  });
}

async function readCatalogData(file: string | undefined, cwd: string): Promise<CatalogData | undefined> {
  if (file === undefined) return undefined;
  const { parseCatalogData } = await import('../../ecr/public/catalog-data.ts');
  return parseCatalogData(`--catalog-data ${file}`, await readText('--catalog-data', file, cwd));
}

function readText(flag: string, file: string, cwd: string): Promise<string> {
  return readFile(resolve(cwd, file), 'utf8').catch((cause: unknown) => {
    throw new AirgapError('file', `${flag} ${file} cannot be read: ${reasonOf(cause)}`, { cause });
  });
}

function parsePolicy(flag: string, file: string, text: string): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AirgapError('usage', `${flag} ${file} is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (isMapping(json)) return JSON.stringify(json);
  throw new AirgapError('usage', `${flag} ${file} is not a policy: expected a JSON object`, {
    hint: 'example: {"rules": [...]} for --lifecycle-policy, {"Version": "2012-10-17", "Statement": [...]} for --repository-policy',
  });
}
