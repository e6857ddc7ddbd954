import { AirgapError } from '../base/errors.ts';
import { checkName, isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { withoutEnd } from '../base/text-ends.ts';
import { sharedTag } from './naming-tag.ts';
import { fillTemplate, type NamingRule, namingTemplate, needsWritten, ruleFor } from './naming-template.ts';
import { formatReference, formatRepository, type Reference, type Repository, tryParseRepository } from './reference.ts';

/**
 * Where things go on the isolated side. `push`, `values`, and whatever else needs a private name use this one mapping,
 * so that an override can never name what a push did not write.
 */
export interface Target extends TargetOptions {
  /** Registry host with optional port. */
  readonly registry: string;
  /** Path under which everything is put, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** As it was given: a name out of NAMINGS, or a template. */
  readonly naming: string;
}

export interface TargetOptions {
  /** Come before the naming; the first that matches wins. */
  readonly rules?: readonly NamingRule[];
  /** Path for charts, from the root of the registry; `PREFIX/charts` when absent. */
  readonly chartPrefix?: string;
  /** How charts write each repository, by `registry/path`; for namings that ask for it. */
  readonly written?: ReadonlyMap<string, string>;
  /** Makes a path one that the registry takes, reversibly. Absent for a registry that takes all. */
  readonly legal?: (path: string) => string;
  /** Tags stay what they are even where images share a repository; push never does that. */
  readonly keepsTags?: true;
}

/** The naming of whoever says nothing: PREFIX/<source host>/<path>, so that nothing collides. */
export const DEFAULT_NAMING = 'host-path';

/**
 * Reads `REGISTRY[/PREFIX]`, as given to `--to`.
 * @throws AirgapError `usage`
 */
export function parseTarget(text: string, naming: string, options: TargetOptions = {}): Target {
  const hint = 'write REGISTRY[/PREFIX], as in 123456789012.dkr.ecr.us-east-1.amazonaws.com/mirrored';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new AirgapError('usage', `--to ${text}: a target has no scheme`, { hint });
  }
  if (text.includes('@')) {
    // What stands there may be a password.
    throw new AirgapError('usage', '--to: a target has no user name, no password and no digest', {
      hint: 'write REGISTRY[/PREFIX] alone, and log in with helm registry login or --registry-username',
    });
  }
  const trimmed = withoutEnd(text, '/');
  const slash = trimmed.indexOf('/');
  const registry = slash < 0 ? trimmed : trimmed.slice(0, slash);
  const prefix = slash < 0 ? '' : trimmed.slice(slash + 1);
  // The host has to be one that no reader of an override takes for a Docker Hub user name.
  if (!/[.:]/.test(registry) && registry !== 'localhost') {
    throw new AirgapError('usage', `--to ${text}: "${registry}" is not a registry host`, { hint });
  }
  const parsed = tryParseRepository(`${registry}/${prefix === '' ? 'x' : prefix}`);
  if (parsed === undefined) {
    const isCapital = tryParseRepository(`${registry}/${prefix.toLowerCase()}`) !== undefined;
    throw new AirgapError('usage', `--to ${text}: not a registry and repository prefix`, {
      hint: isCapital
        ? `write REGISTRY[/PREFIX] without capital letters: --to ${registry}/${prefix.toLowerCase()}`
        : hint,
    });
  }
  if (!URL.canParse(`https://${registry}/`)) {
    throw new AirgapError('usage', `--to ${text}: there can be no host and port "${registry}"`, {
      hint: 'a port is at most 65535, and an IPv4 address is four numbers up to 255',
    });
  }
  const { chartPrefix } = options;
  if (chartPrefix !== undefined && tryParseRepository(`registry.invalid/${join(chartPrefix, 'x')}`) === undefined) {
    throw new AirgapError('usage', `--chart-prefix ${chartPrefix}: not the path of repositories`, {
      hint: 'write it without the registry, as in helm/charts',
    });
  }
  // Those who compare hosts by their letters, as kubelets do to find credentials, write them small.
  const target = { registry: parsed.registry.toLowerCase(), prefix, naming, ...options };
  const all = templates(target);
  if (prefix === '' && all.includes('')) {
    throw new AirgapError('usage', `--naming ${naming} needs the repository that is to hold the images`, {
      hint: `write --to ${registry}/REPOSITORY`,
    });
  }
  return target;
}

export function formatTarget({ registry, prefix }: Pick<Target, 'registry' | 'prefix'>): string {
  return prefix === '' ? registry : `${registry}/${prefix}`;
}

/** Whether the naming asks how charts write their references. */
export function asksForWritten(target: Target): boolean {
  return templates(target).some(needsWritten);
}

/**
 * The private repository for an image's repository.
 * @throws AirgapError `reference-invalid` when that is none below the target
 */
export function targetRepository(target: Target, source: Repository): Repository {
  const { written, legal } = target;
  const filled = fillTemplate(templateFor(target, source), source, written?.get(formatRepository(source)));
  const path = join(target.prefix, filled);
  return inside(target, legal === undefined ? path : legal(path), target.prefix, formatRepository(source));
}

/** Whoever made up a name, nothing is written or asked for outside of the target. */
function inside({ registry }: Target, path: string, prefix: string, source: string): Repository {
  const isBelow = prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
  if (isBelow && isName('repository', path)) return { registry, path };
  throw new AirgapError(
    'reference-invalid',
    `${quoted(source)} has no place under ${registry}: ${quoted(path)} is no repository`,
    {
      hint: 'repositories have lower-case letters and digits, with ".", "_" or dashes between them, and slashes',
    },
  );
}

/**
 * The private reference: the repository is mapped, tag and digest stay what they are. Only where the naming leaves nothing
 * of a name has the tag to tell the image (naming-tag.ts), unless a digest does. What has neither gets none.
 */
export function targetReference(target: Target, source: Reference): Reference {
  const { digest } = source;
  const tag = source.tag !== undefined && isTagChanged(target, source) ? sharedTag(source) : source.tag;
  return {
    ...targetRepository(target, source),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Whether a reference has another tag at the target. */
export function isTagChanged(target: Target, source: Reference): boolean {
  return target.keepsTags !== true && source.digest === undefined && templateFor(target, source) === '';
}

/** Whether that is so of any image. */
export function changesTags(target: Target): boolean {
  return target.keepsTags !== true && templates(target).includes('');
}

function templateFor({ rules = [], naming }: Target, source: Repository): string {
  return ruleFor(rules, source) ?? namingTemplate(naming);
}

/**
 * The repository of a chart: PREFIX/charts/<name>, or below the chart prefix.
 * @throws AirgapError `reference-invalid` for a chart whose name no repository can have, such as one with capitals
 */
export function chartRepository(target: Target, name: string): Repository {
  checkName('chart name', name, formatTarget(target), 'reference-invalid');
  const folder = target.chartPrefix ?? join(target.prefix, 'charts');
  return inside(target, join(folder, name), folder, `chart ${name}`);
}

/** A chart's tag is its version exactly; `+` is no tag character and becomes `_`, as `helm push` does it. */
export function chartTag(version: string): string {
  return version.replaceAll('+', '_');
}

/**
 * The path below which all images of a registry lie, each under its own path; undefined when the naming changes paths, so
 * that no node can be told to look for a whole registry there.
 */
export function registryFolder(target: Target, registry: string): string | undefined {
  const template = namingTemplate(target.naming);
  if ((target.rules ?? []).length > 0 || !/(?:^|\/)\{path\}$/.test(template)) return undefined;
  const front = template.slice(0, -'{path}'.length);
  return front.replace('{host}', '').includes('{')
    ? undefined
    : join(target.prefix, fillTemplate(front, { registry, path: '' }, ''));
}

/** Whether a reference names something under the target already. */
export function isUnderTarget(target: Target, reference: Reference): boolean {
  const { registry, prefix } = target;
  if (reference.registry !== registry) return false;
  if (prefix === '' || reference.path.startsWith(`${prefix}/`)) return true;
  return reference.path === prefix && templates(target).includes('');
}

/** Whether a reference is in the repository that holds all images, where a tag that push does not write is nobody's. */
export function isShared(target: Target, { registry, path }: Repository): boolean {
  return changesTags(target) && registry === target.registry && path === target.prefix;
}

/** The full text of a source's private name. */
export function targetText(target: Target, source: Reference): string {
  return formatReference(targetReference(target, source));
}

function templates({ naming, rules = [] }: Pick<Target, 'naming' | 'rules'>): string[] {
  return [...rules.map(({ to }) => to), namingTemplate(naming)];
}

function join(prefix: string, path: string): string {
  return [prefix, path].filter((part) => part !== '').join('/');
}
