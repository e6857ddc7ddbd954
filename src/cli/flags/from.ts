import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { CommandLineLogin } from '../../auth/keychain.ts';
import { canonicalHubName } from '../../base/docker-hub.ts';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { isName } from '../../base/names.ts';
import { quoted } from '../../base/printable.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { ClientCertificate } from '../../http/client-certificate.ts';
import type { RegistrySelection, RepositorySelection } from '../../workflows/mirror/listing/index.ts';
import type { Config } from '../config/schema.ts';
import type { SkopeoSync } from '../config/skopeo-sync.ts';
import type { CommandIO } from '../run.ts';
import { type FlagsOf, flagGroup, listEntries, repeatable } from './option.ts';

/** Maximum bytes of a list of repositories. */
const LIST_LIMIT = 64 * 1024 * 1024;

/** Adds flags that select images of registries. */
export const addFromFlags = flagGroup((command) =>
  command
    .optionsGroup('Repositories of a registry:')
    .option('--from <host>', 'copy from the repositories of this registry; all of them without --repository')
    .addOption(repeatable('--repository <pattern>', 'repositories of that registry; * matches anything'))
    .option('--repositories <file>', 'list of its repositories, one per line, for a registry that hides its own')
    .addOption(repeatable('--tag <regex>', 'tags that match this regular expression, or one of several'))
    .option(
      '--newest <n>',
      'the newest n tags of a repository by version, of each variant such as -alpine',
      parseNewest,
    )
    .option('--newer-than <date>', 'images created since this date (ISO 8601), or without a date', parseDate)
    .addOption(repeatable('--skopeo-sync <file>', 'images of a YAML file for skopeo sync')),
);

export type FromFlags = FlagsOf<typeof addFromFlags>;

/** Images of registries that flags and configuration file select, and what is needed to read them. */
export interface FromSettings {
  readonly registries: readonly RegistrySelection[];
  readonly repositories: readonly RepositorySelection[];
  /** Logins of files for skopeo, each for its registry only. They come after that of the command line. */
  readonly logins: readonly CommandLineLogin[];
  /** Client certificates of the same files. */
  readonly clientCertificates: readonly ClientCertificate[];
  /** Registries that the user names. */
  readonly named: readonly string[];
}

/**
 * Merges flags and configuration file.
 * @throws AirgapError `usage`, `config`
 */
export async function readFrom(
  { context: { cwd, emit } }: Pick<CommandIO, 'context'>,
  flags: FromFlags,
  config: Pick<Config, 'from'>,
): Promise<FromSettings> {
  const ofFlags = await fromFlags(flags, cwd);
  const ofConfig = config.from.map(fromConfig);
  const files = await Promise.all(flags.skopeoSync.map((path) => readSkopeoFile(resolve(cwd, path))));
  for (const [i, { empty }] of files.entries()) {
    for (const registry of empty) {
      emit({ type: 'warning', message: `--skopeo-sync ${flags.skopeoSync[i]} names no images of ${registry}` });
    }
  }
  const repositories = files.flatMap((file) => file.repositories);
  const registries = [...ofFlags, ...ofConfig];
  await checkPatterns(registries);
  const certificates = files.flatMap((file) => file.certificateFolders);
  const named = [
    ...registries.map(({ registry }) => registry),
    ...repositories.map(({ repository }) => repository.registry),
  ];
  return {
    registries,
    repositories,
    logins: files.flatMap((file) => file.logins),
    clientCertificates: (
      await Promise.all(
        certificates.map(({ registry, folder }) => clientCertificate(registry, resolve(cwd, folder), emit)),
      )
    ).flat(),
    named: [...new Set(named)],
  };
}

async function fromFlags(flags: FromFlags, cwd: string): Promise<readonly RegistrySelection[]> {
  const { from, repository, repositories, tag, newest, newerThan } = flags;
  if (from === undefined) {
    const given = {
      '--repository': repository.length,
      '--repositories': repositories,
      '--tag': tag.length,
      '--newest': newest,
      '--newer-than': newerThan,
    };
    const [flag] = Object.entries(given).find(([, value]) => value !== undefined && value !== 0) ?? [];
    if (flag === undefined) return [];
    throw new AirgapError('usage', `${flag} needs --from, which names the registry`, {
      hint: `example: --from quay.io --repository 'team/*' --tag '^v'`,
    });
  }
  return [
    {
      registry: registryOf(from, '--from', 'usage'),
      repositories: repository,
      ...(repositories !== undefined && { repositoryList: await readNames(resolve(cwd, repositories)) }),
      tags: tag,
      newest,
      newerThan,
    },
  ];
}

function fromConfig({ registry, newerThan, ...rest }: Config['from'][number]): RegistrySelection {
  return {
    ...rest,
    registry: registryOf(registry, 'from', 'config'),
    origin: `from ${registry}: tag`,
    ...(newerThan !== undefined && { newerThan: configuredDate(newerThan) }),
  };
}

function registryOf(text: string, origin: string, code: 'usage' | 'config'): string {
  if (isName('registry', text)) return canonicalHubName(text);
  const plain = text.replace(/^https?:\/\//, '');
  const host = textBefore(plain, '/');
  const path = plain.slice(host.length + 1);
  throw new AirgapError(code, `${origin} ${quoted(text)} is not a registry`, {
    hint:
      isName('registry', host) && path !== ''
        ? `name the host alone, and the repositories below it by a pattern: ${quoted(`${path}/*`)}`
        : 'write HOST or HOST:PORT',
  });
}

async function checkPatterns(registries: readonly RegistrySelection[]): Promise<void> {
  if (registries.every(({ tags }) => tags.length === 0)) return;
  const { patternProblem } = await import('../../base/user-pattern.ts');
  for (const { tags, origin } of registries) {
    const problem = tags.map(patternProblem).find((text) => text !== undefined);
    if (problem === undefined) continue;
    throw new AirgapError(origin === undefined ? 'usage' : 'config', `${origin ?? '--tag'} ${problem}`, {
      hint: "write it as in JavaScript, such as '^v[0-9]+'",
    });
  }
}

async function readSkopeoFile(path: string): Promise<SkopeoSync> {
  const { readSkopeoSync } = await import('../config/skopeo-sync.ts');
  return readSkopeoSync(path);
}

/** Reads names, one per line; `#` starts a comment. @throws AirgapError `usage` */
async function readNames(path: string): Promise<readonly string[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AirgapError('usage', `--repositories ${path} cannot be read: ${reasonOf(cause)}`, {
      hint: 'give a text file with one repository per line, such as team/app',
      cause,
    });
  });
  if (bytes.length > LIST_LIMIT) {
    throw new AirgapError('usage', `--repositories ${path} has more than ${LIST_LIMIT / 1024 / 1024} MiB`);
  }
  return listEntries(bytes.toString('utf8'));
}

/** Returns the client certificate in a folder as Docker lays it out, `NAME.cert` with `NAME.key`; none without one. */
async function clientCertificate(
  host: string,
  folder: string,
  emit: CommandIO['context']['emit'],
): Promise<ClientCertificate[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new AirgapError('config', `cert-dir ${folder} of ${host} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  names.sort();
  if (names.some((name) => name.endsWith('.crt'))) {
    const message = `the certificate authorities (.crt) in cert-dir ${folder} are not used: trust them with --ca-file`;
    emit({ type: 'warning', message });
  }
  const cert = names.find((name) => name.endsWith('.cert') && names.includes(name.replace(/\.cert$/, '.key')));
  if (cert === undefined) return [];
  return [{ host, certFile: join(folder, cert), keyFile: join(folder, cert.replace(/\.cert$/, '.key')) }];
}

function parseNewest(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

function configuredDate(text: string): Date {
  try {
    return parseDate(text);
  } catch (error) {
    throw new AirgapError('config', `from: newerThan ${quoted(text)} is no date. ${(error as Error).message}`);
  }
}

/** ISO 8601, with a time zone if there is a time. */
const DATE =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/;

/** Parses a date, which means its beginning in UTC, or a date with a time. @throws InvalidArgumentError */
function parseDate(text: string): Date {
  const [, day = ''] = DATE.exec(text) ?? [];
  const date = new Date(text);
  // Date takes 2026-02-30 for 2 March.
  const midnight = new Date(`${day}T00:00:00Z`);
  const isReal = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
  if (day !== '' && isReal && !Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError('It must be a date such as 2026-01-31, or 2026-01-31T12:00:00Z.');
}
