import { AirgapError } from '../base/errors.ts';
import { formatReference, formatRepository, type Reference, type Repository, tryParseRepository } from './reference.ts';

/**
 * Where things go on the isolated side. `push`, `values`, and whatever else needs a private name use this one mapping,
 * so that an override can never name what a push did not write.
 */
export interface Target {
  /** Registry host with optional port. */
  readonly registry: string;
  /** Path under which everything is put, without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly naming: Naming;
}

/** `host-path`: PREFIX/<source host>/<path>, so that nothing collides. `path`: PREFIX/<path>. */
export type Naming = 'host-path' | 'path';

export const NAMINGS: readonly Naming[] = ['host-path', 'path'];

/**
 * Reads `REGISTRY[/PREFIX]`, as given to `--to`.
 * @throws AirgapError `usage`
 */
export function parseTarget(text: string, naming: Naming): Target {
  const hint = 'write REGISTRY[/PREFIX], as in 123456789012.dkr.ecr.us-east-1.amazonaws.com/mirrored';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw new AirgapError('usage', `--to ${text}: a target has no scheme`, { hint });
  }
  const trimmed = text.replace(/\/+$/, '');
  const slash = trimmed.indexOf('/');
  const registry = slash < 0 ? trimmed : trimmed.slice(0, slash);
  const prefix = slash < 0 ? '' : trimmed.slice(slash + 1);
  // The host has to be one that no reader of an override takes for a Docker Hub user name.
  if (!/[.:]/.test(registry) && registry !== 'localhost') {
    throw new AirgapError('usage', `--to ${text}: "${registry}" is not a registry host`, { hint });
  }
  const parsed = tryParseRepository(`${registry}/${prefix === '' ? 'x' : prefix}`);
  if (parsed === undefined) {
    throw new AirgapError('usage', `--to ${text}: not a registry and repository prefix`, { hint });
  }
  return { registry: parsed.registry, prefix, naming };
}

export function formatTarget({ registry, prefix }: Target): string {
  return prefix === '' ? registry : `${registry}/${prefix}`;
}

/** The private repository for an image's repository. A port in the source host becomes `-PORT`: a path has no colon, and none of its parts begins with a dash. */
export function targetRepository(target: Target, source: Repository): Repository {
  const host = source.registry.toLowerCase().replace(/[[\]]/g, '').replaceAll(':', '-').replace(/^-+/, '');
  const path = target.naming === 'path' ? source.path : `${host}/${source.path}`;
  return { registry: target.registry, path: join(target.prefix, path) };
}

/** The private reference: the repository is mapped, tag and digest stay what they are. */
export function targetReference(target: Target, source: Reference): Reference {
  const { tag, digest } = source;
  return {
    ...targetRepository(target, source),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The repository of a chart: PREFIX/charts/<name>. */
export function chartRepository(target: Target, name: string): Repository {
  return { registry: target.registry, path: join(target.prefix, `charts/${name}`) };
}

/** A chart's tag is its version exactly; `+` is no tag character and becomes `_`, as `helm push` does it. */
export function chartTag(version: string): string {
  return version.replaceAll('+', '_');
}

/**
 * Finds sources that the naming sends to one place.
 * @throws AirgapError `collision` naming each pair
 */
export function checkCollisions(target: Target, sources: readonly Repository[]): void {
  const taken = new Map<string, string>();
  const clashes: string[] = [];
  for (const source of sources) {
    const from = formatRepository(source);
    const to = formatRepository(targetRepository(target, source));
    const other = taken.get(to);
    if (other !== undefined && other !== from) clashes.push(`${other} and ${from} would both become ${to}`);
    taken.set(to, from);
  }
  if (clashes.length > 0) {
    throw new AirgapError('collision', [...new Set(clashes)].join('; '), {
      hint:
        target.naming === 'path'
          ? 'use --naming host-path, which keeps the source host in the name'
          : 'push them in two bundles, to two prefixes',
    });
  }
}

/** Whether a reference names something under the target already. */
export function isUnderTarget(target: Target, reference: Reference): boolean {
  if (reference.registry !== target.registry) return false;
  return target.prefix === '' || reference.path.startsWith(`${target.prefix}/`);
}

/** The full text of a source's private name. */
export function targetText(target: Target, source: Reference): string {
  return formatReference(targetReference(target, source));
}

function join(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
}
