import { resolve } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { AirgapError, combine } from '../../base/errors.ts';
import type { Target } from '../../naming/naming.ts';
import { addConfigFlags } from '../flags/charts.ts';
import { CONNECTION_ONLY, readConfiguration } from '../flags/configuration.ts';
import { declaredHosts } from '../flags/ecr.ts';
import type { ReadLogin } from '../flags/login.ts';
import { type FlagsOf, givenFlags } from '../flags/option.ts';
import { formatDocument, outputOption, printReport } from '../flags/output.ts';
import { addRegistryFlags, registryAccess } from '../flags/registry.ts';
import { addNamingFlags, targetOf } from '../flags/target.ts';
import { examples } from '../help.ts';
import { accessDocument, accessReport } from '../reports/access-changes.ts';
import { policiesDocument, policiesReport } from '../reports/access-policies.ts';
import type { CommandIO } from '../run.ts';

/** Requests at the same time: the API shares its database with the registry's users. */
const CONCURRENCY = 8;

/** Declares the command and its flags. */
function declare(io: CommandIO) {
  const command = new Command('apply')
    .description('give a registry the accounts, organizations, teams and rights of a file, or list what that changes')
    .argument('<file>', 'file of access export')
    .requiredOption('--to <target>', 'HOST of a registry with the same API, or REGISTRY[/PREFIX] in Amazon ECR')
    .option('--write', 'make the changes; without it they are only listed')
    .option('--include-admins', 'create administrators of the registry as such, and make accounts administrators')
    .option('--allow-public-repositories', 'make public what is public at its source')
    .option('--search-ldap', 'have the registry take new accounts from its directory (LDAP), without a password')
    .option('--principals <file>', 'for Amazon ECR: IAM principals of teams, accounts and organizations')
    .addOption(
      new Option('--create-repositories <when>', 'for Amazon ECR: create missing repositories')
        .choices(['missing', 'never'])
        .default('never'),
    );
  const configured = addConfigFlags(
    command,
    'read logins, naming, plainHttp, caFile and clientCertificates from this airgap.yaml',
  )
    .addOption(outputOption(['text', 'json'], 'text'))
    .addHelpText(
      'after',
      examples(
        'access apply access.yaml --to msr.example',
        'access apply access.yaml --to REGISTRY --principals map.yaml',
      ),
    );
  return addRegistryFlags(addNamingFlags(configured), io);
}

type Flags = FlagsOf<typeof declare> & ReadLogin;

export function accessApplyCommand(io: CommandIO) {
  return declare(io).action(async (file, flags) => {
    const { config, registry } = await readConfiguration(io.context, flags, CONNECTION_ONLY);
    const target = await targetOf(flags.to, flags, config);
    const ecrHosts = await declaredHosts([target.registry], flags, io.context.env);
    const { ecrKind } = await import('../../ecr/hosts.ts');
    const kind = ecrKind(target.registry, ecrHosts);
    checkFlags(target, kind, flags);
    const settings = { ...registry, mirrors: [], named: [target.registry] };
    const { access, concurrency } = await registryAccess(settings, CONCURRENCY);
    const { readAccess } = await import('../config/read.ts');
    const document = await readAccess(resolve(io.context.cwd, file), 'access apply');
    const common = { document, access: { ...access, ecrHosts }, write: flags.write ?? false };
    if (kind === undefined) await applyToApi(io, flags, { ...common, concurrency, registry: target.registry });
    else await applyToEcr(io, flags, { ...common, target });
  });
}

/** @throws AirgapError `usage` for flags that do not belong to this kind of target */
function checkFlags({ registry, prefix }: Target, kind: 'private' | 'public' | undefined, flags: Flags): void {
  if (kind === 'public') {
    throw new AirgapError(
      'usage',
      `--to ${registry}: anybody may pull from ECR Public, and its policies are not written`,
      {
        hint: 'use a private ECR registry',
      },
    );
  }
  const {
    principals,
    includeAdmins,
    searchLdap,
    allowPublicRepositories,
    createRepositories,
    naming,
    namingRule,
    chartPrefix,
  } = flags;
  if (kind === 'private') {
    refuse(`${registry} is Amazon ECR`, {
      '--include-admins': includeAdmins,
      '--allow-public-repositories': allowPublicRepositories,
      '--search-ldap': searchLdap,
    });
    if (principals !== undefined) return;
    throw new AirgapError('usage', `--to ${registry} needs --principals FILE`, {
      hint: 'the file says which IAM principals stand for teams, accounts and organizations: docs/access.md',
    });
  }
  refuse(`${registry} is not Amazon ECR`, {
    '--principals': principals,
    '--create-repositories missing': createRepositories === 'missing',
    '--naming': naming,
    '--naming-rule': namingRule.length > 0,
    '--chart-prefix': chartPrefix,
  });
  if (prefix === '') return;
  throw new AirgapError('usage', `--to ${registry}/${prefix}: accounts and rights belong to a whole registry`, {
    hint: `write --to ${registry}`,
  });
}

function refuse(why: string, flags: Readonly<Record<string, unknown>>): void {
  const given = givenFlags(flags);
  if (given.length === 0) return;
  throw new AirgapError('usage', `${given.join(', ')} cannot be used here: ${why}`, {
    hint: 'see docs/access.md for the flags of each kind of registry',
  });
}

type AccessOptions = Parameters<typeof import('../../workflows/access/apply-access.ts')['applyAccess']>[1];
type PolicyOptions = Parameters<typeof import('../../workflows/access/apply-policies.ts')['applyPolicies']>[1];

/** @throws AirgapError for what the registry refused */
async function applyToApi(
  io: CommandIO,
  { includeAdmins, allowPublicRepositories, searchLdap, output }: Flags,
  options: Omit<AccessOptions, 'includeAdmins' | 'allowPublic' | 'searchLdap'>,
): Promise<void> {
  const { applyAccess } = await import('../../workflows/access/apply-access.ts');
  const result = await applyAccess(io.context, {
    ...options,
    includeAdmins: includeAdmins ?? false,
    allowPublic: allowPublicRepositories ?? false,
    searchLdap: searchLdap ?? false,
  });
  if (output === 'json') io.print(await formatDocument('AccessChanges', accessDocument(result), 'json'));
  else await printReport(io, accessReport(result));
  const errors = result.outcomes.flatMap(({ error }) => error ?? []);
  throwErrors(errors, `${errors.length} of ${result.outcomes.length} changes were refused`);
}

/** @throws AirgapError for an interrupt, else for all errors, if there are any */
function throwErrors(errors: readonly AirgapError[], message: string): void {
  if (errors.length === 0) return;
  throw errors.find(({ code }) => code === 'interrupted') ?? combine(errors, message);
}

/** Exit code 3 if a repository is missing. @throws AirgapError for policies that were not set */
async function applyToEcr(
  io: CommandIO,
  { principals = '', createRepositories, output }: Flags,
  options: Omit<PolicyOptions, 'map' | 'create'>,
): Promise<void> {
  const { ecrHost, partitionOf } = await import('../../ecr/hosts.ts');
  const { readPrincipalMap } = await import('../config/read.ts');
  const host = ecrHost(options.target.registry, options.access.ecrHosts);
  const partition = host === undefined ? 'aws' : partitionOf(host);
  const map = await readPrincipalMap(resolve(io.context.cwd, principals), options.document, partition);
  const { applyPolicies } = await import('../../workflows/access/apply-policies.ts');
  const result = await applyPolicies(io.context, { ...options, map, create: createRepositories });
  if (output === 'json') io.print(await formatDocument('RepositoryPolicies', policiesDocument(result), 'json'));
  else await printReport(io, policiesReport(result));
  const errors = result.outcomes.flatMap(({ error }) => error ?? []);
  throwErrors(errors, `${errors.length} of ${result.outcomes.length} policies failed`);
  if (options.write && result.outcomes.some(({ status }) => status === 'missing')) io.setExitCode(3);
}
