import { createHash } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { trimTrailing } from '../base/text-trim.ts';
import {
  formatReference,
  formatRepository,
  type Reference,
  type Repository,
  tryParseRepository,
} from '../oci/reference.ts';
import {
  fillTemplate,
  invalidSetting,
  joinPath,
  type NamingRule,
  namingTemplate,
  ruleTemplate,
  usesWrittenName,
} from './naming-template.ts';

/**
 * Mapping of source names to the private registry. `push`, `values` and all other commands use this one mapping, so
 * that overrides only contain names that `push` writes.
 */
export interface Target extends TargetOptions {
  /** Registry host with optional port. */
  readonly registry: string;
  /** Path prefix of all repositories, without leading or trailing slashes; may be empty. */
  readonly prefix: string;
  /** As given by the user: one of NAMINGS, or a template. */
  readonly naming: string;
}

export interface TargetOptions {
  /** Take precedence over the naming; the first match wins. */
  readonly rules?: readonly NamingRule[];
  /** Path for charts from the root of the registry; default `PREFIX/charts`. */
  readonly chartPrefix?: string;
  /** Path for chart archives that are pushed by themselves, from the root of the registry; default: that of charts. */
  readonly archivePrefix?: string;
  /** Spelling of each repository in the charts, by `registry/path`; for namings with `{written}`. */
  readonly writtenNames?: ReadonlyMap<string, string>;
  /** Converts a path, reversibly, to one that the registry accepts. Absent if the registry accepts every path. */
  readonly toLegalPath?: (path: string) => string;
  /** Keeps tags even if images share a repository. Never set by `push`. */
  readonly keepsTags?: true;
}

/** Default naming: PREFIX/<source host>/<path>, which is free of collisions. */
export const DEFAULT_NAMING = 'host-path';

/** Where the parts of a target were given, for messages: flags, or keys of a configuration file. */
export type TargetOrigins = Readonly<Record<'to' | 'naming' | 'chartPrefix', string>>;

const FLAGS: TargetOrigins = { to: '--to', naming: '--naming', chartPrefix: '--chart-prefix' };

/**
 * Parses the `REGISTRY[/PREFIX]` of `--to`.
 * @throws AirgapError `usage`; `config` if a configuration file has it
 */
export function parseTarget(
  text: string,
  naming: string,
  options: TargetOptions = {},
  origins: TargetOrigins = FLAGS,
): Target {
  const hint = 'write REGISTRY[/PREFIX], as in 123456789012.dkr.ecr.us-east-1.amazonaws.com/mirrored';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw invalidSetting(origins.to, ` ${text}: the target must not have a scheme`, hint);
  }
  if (text.includes('@')) {
    // The text is not repeated: it may contain a password.
    throw invalidSetting(
      origins.to,
      ': the target must not contain a user name, password or digest',
      'write only REGISTRY[/PREFIX], and log in with helm airgap login or --registry-username',
    );
  }
  const trimmed = trimTrailing(text, '/');
  const slash = trimmed.indexOf('/');
  const registry = slash < 0 ? trimmed : trimmed.slice(0, slash);
  const prefix = slash < 0 ? '' : trimmed.slice(slash + 1);
  // Without a dot, colon or `localhost`, readers of an override would take the host for a Docker Hub user name.
  if (!/[.:]/.test(registry) && registry !== 'localhost') {
    throw invalidSetting(origins.to, ` ${text}: "${registry}" is not a registry host`, hint);
  }
  const parsed = tryParseRepository(`${registry}/${prefix === '' ? 'x' : prefix}`);
  if (parsed === undefined) {
    const isCapital = tryParseRepository(`${registry}/${prefix.toLowerCase()}`) !== undefined;
    throw invalidSetting(
      origins.to,
      ` ${text}: not a valid registry and repository prefix`,
      isCapital ? `write REGISTRY[/PREFIX] in lower case: ${origins.to} ${registry}/${prefix.toLowerCase()}` : hint,
    );
  }
  if (!URL.canParse(`https://${registry}/`)) {
    throw invalidSetting(
      origins.to,
      ` ${text}: "${registry}" is not a valid host and port`,
      'a port is at most 65535; an IPv4 address has four numbers up to 255',
    );
  }
  const { chartPrefix } = options;
  if (chartPrefix !== undefined && tryParseRepository(`registry.invalid/${joinPath(chartPrefix, 'x')}`) === undefined) {
    throw invalidSetting(
      origins.chartPrefix,
      ` ${chartPrefix}: not a valid repository path`,
      'write it without the registry, as in helm/charts',
    );
  }
  // Kubelets compare hosts case-sensitively to find credentials.
  const target = { registry: parsed.registry.toLowerCase(), prefix, naming, ...options };
  const allTemplates = templates(target, origins.naming);
  if (prefix === '' && allTemplates.includes('')) {
    throw invalidSetting(
      origins.naming,
      ` ${naming} needs a repository for the images`,
      `write ${origins.to} ${registry}/REPOSITORY`,
    );
  }
  return target;
}

export function formatTarget({ registry, prefix }: Pick<Target, 'registry' | 'prefix'>): string {
  return prefix === '' ? registry : `${registry}/${prefix}`;
}

/** Reports whether the naming depends on how charts write their references. */
export function usesWrittenNames(target: Target): boolean {
  return templates(target).some(usesWrittenName);
}

/**
 * Returns the private repository of a source repository.
 * @throws AirgapError `reference-invalid` if the result is not a valid repository below the target
 */
export function targetRepository(target: Target, source: Repository): Repository {
  const { writtenNames, toLegalPath } = target;
  const filled = fillTemplate(templateFor(target, source), source, writtenNames?.get(formatRepository(source)));
  const path = joinPath(target.prefix, filled);
  return repositoryBelow(
    target,
    toLegalPath === undefined ? path : toLegalPath(path),
    target.prefix,
    formatRepository(source),
  );
}

/** Checks that a repository is below the prefix: hostile names must not reach other repositories. */
function repositoryBelow({ registry }: Target, path: string, prefix: string, source: string): Repository {
  const isBelow = prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
  if (isBelow && isName('repository', path)) return { registry, path };
  throw new AirgapError(
    'reference-invalid',
    `${quoted(source)} cannot be mapped to ${registry}: ${quoted(path)} is not a valid repository`,
    {
      hint: 'repository names have lower-case letters and digits, separated by ".", "_", dashes or slashes',
    },
  );
}

/**
 * Returns the private reference: the repository is mapped, tag and digest are kept. If the naming drops the whole name,
 * the tag identifies the image (naming-tag.ts) unless a digest does.
 */
export function targetReference(target: Target, source: Reference): Reference {
  const { digest } = source;
  const tag = source.tag !== undefined && isTagChanged(target, source) ? sharedTag(source) : source.tag;
  return {
    ...targetRepository(target, source),
    tag,
    digest,
  };
}

/** Reports whether a reference gets another tag at the target. */
export function isTagChanged(target: Target, source: Reference): boolean {
  return target.keepsTags !== true && source.digest === undefined && templateFor(target, source) === '';
}

/** Reports whether any image gets another tag at the target. */
export function changesTags(target: Target): boolean {
  return target.keepsTags !== true && templates(target).includes('');
}

function templateFor({ rules = [], naming }: Target, source: Repository): string {
  return ruleTemplate(rules, source) ?? namingTemplate(naming);
}

/**
 * Returns the repository of a chart: PREFIX/charts/<name>, or below the chart prefix.
 * @throws AirgapError `reference-invalid` if the chart name is not a legal repository name, such as one in upper case
 */
export function chartRepository(target: Target, name: string): Repository {
  return chartBelow(target, chartsPath(target), name);
}

/**
 * Returns the repository of a chart archive that is pushed by itself.
 * @throws AirgapError as {@link chartRepository}
 */
export function chartArchiveRepository(target: Target, name: string): Repository {
  return chartBelow(target, target.archivePrefix ?? chartsPath(target), name);
}

/** Returns the path of charts from the root of the registry. */
export function chartsPath({ chartPrefix, prefix }: Pick<Target, 'chartPrefix' | 'prefix'>): string {
  return chartPrefix ?? joinPath(prefix, 'charts');
}

function chartBelow(target: Target, parentPath: string, name: string): Repository {
  checkName('chart name', name, formatTarget(target), 'reference-invalid');
  return repositoryBelow(target, joinPath(parentPath, name), parentPath, `chart ${name}`);
}

/** Returns the tag of a chart version. `+` is not legal in tags and becomes `_`, as with `helm push`. */
export function chartTag(version: string): string {
  return version.replaceAll('+', '_');
}

/** Reports whether a reference is already under the target. */
export function isUnderTarget(target: Target, reference: Reference): boolean {
  const { registry, prefix } = target;
  if (reference.registry !== registry) return false;
  if (prefix === '' || reference.path.startsWith(`${prefix}/`)) return true;
  return reference.path === prefix && templates(target).includes('');
}

/**
 * Reports whether a name that is not under the target has its host all the same: without the port, a part or the slash, as where a template
 * joins what does not belong together.
 */
export function hasTargetHost({ registry }: Target, name: string): boolean {
  const host = registry.replace(/:\d+$/, '');
  return name.toLowerCase().startsWith(host) && !/[.-]/.test(name[host.length] ?? '');
}

/** Reports whether a repository is the one shared by all images, in which `push` owns all tags. */
export function isSharedRepository(target: Target, { registry, path }: Repository): boolean {
  return changesTags(target) && registry === target.registry && path === target.prefix;
}

/** Formats the private reference of a source reference. */
export function formatTargetReference(target: Target, source: Reference): string {
  return formatReference(targetReference(target, source));
}

function templates({ naming, rules = [] }: Pick<Target, 'naming' | 'rules'>, origin?: string): string[] {
  return [...rules.map(({ to }) => to), namingTemplate(naming, origin)];
}

// No path component begins or ends with a dash (github.com/distribution/reference), so dashes can separate components.
const MAX_TAG_LENGTH = 128;
const TAG_SEPARATOR = '---';
const COMPONENT_SEPARATOR = '--';
/** Hexadecimal digits of the SHA-256. */
const HASH_LENGTH = 12;

/**
 * Returns the tag of an image in a repository shared by all images: `TAG---HOST--PATH`, with `--` for each slash and
 * `_` before a port, as in `v1.17.2---quay.io--jetstack--cert-manager-controller`. The tag comes first because charts
 * compare it as a version. A result that is too long or ambiguous is truncated and ends with `---` and a hash, so tags
 * are unique.
 */
export function sharedTag({ registry, path, tag = '' }: Repository & Pick<Reference, 'tag'>): string {
  const name = [registry.replace(/:(?=\d+$)/, '_').replace(/[^\w.-]/g, ''), ...path.split('/')].join(
    COMPONENT_SEPARATOR,
  );
  const full = tag + TAG_SEPARATOR + name;
  const text = formatReference({ registry, path, tag });
  if (full.length <= MAX_TAG_LENGTH && readBack(full) === text) return full;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
  return full.slice(0, MAX_TAG_LENGTH - TAG_SEPARATOR.length - HASH_LENGTH) + TAG_SEPARATOR + hash;
}

function readBack(shared: string): string | undefined {
  const source = parseSharedTag(shared);
  return source && formatReference(source);
}

/** Returns the image of a tag made by {@link sharedTag}; undefined for a tag with a hash and for any other tag. */
export function parseSharedTag(shared: string): Reference | undefined {
  const separator = shared.lastIndexOf(TAG_SEPARATOR);
  const [host = '', ...path] = shared.slice(separator + TAG_SEPARATOR.length).split(COMPONENT_SEPARATOR);
  if (separator < 1 || path.length === 0) return undefined;
  const source = tryParseRepository([host.replace(/_(?=\d+$)/, ':'), ...path].join('/'));
  return source && { ...source, tag: shared.slice(0, separator) };
}
