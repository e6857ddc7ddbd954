import { AirgapError } from '../../base/errors.ts';
import { isTagChanged, type Target, targetRepository } from '../../naming/naming.ts';
import { registryPathPrefix } from '../../naming/path-prefix.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';

/** Source registry whose images a node gets from the target instead. */
export interface NodeRegistry {
  /** Host with an optional port, as in references. */
  readonly registry: string;
  /** Path at the target below which the naming keeps repository paths, perhaps empty; undefined if it changes them. */
  readonly prefix: string | undefined;
  /** Paths at the target by path at the source. */
  readonly repositories: ReadonlyMap<string, string>;
  /** Paths at the source whose path at the target is not `prefix` and the same path. */
  readonly moved: ReadonlySet<string>;
}

/** Source registries in the order of their references, and what a node cannot redirect, one sentence each. */
export interface NodeRegistries {
  readonly registries: readonly NodeRegistry[];
  readonly left: readonly string[];
}

/**
 * Groups references by the registry that a node redirects. A node redirects names and never tags, and the target's own
 * host cannot be redirected as a whole, because private images have the same host.
 * @param reader of the configuration, for sentences: `containerd`
 */
export function nodeRegistries(references: readonly Reference[], target: Target, reader: string): NodeRegistries {
  const left: string[] = [];
  const registries: NodeRegistry[] = [];
  for (const [registry, group] of Map.groupBy(references, (reference) => reference.registry)) {
    if (registry === target.registry) {
      left.push(
        ...group.map((reference) => `${formatReference(reference)}: ${reader} would redirect the target itself`),
      );
      continue;
    }
    const isRetagged = (reference: Reference): boolean => isTagChanged(target, reference);
    left.push(
      ...group.filter(isRetagged).map((reference) => `${formatReference(reference)}: its tag differs at the target`),
    );
    const paths = group
      .filter((reference) => !isRetagged(reference))
      .map((reference) => [reference.path, targetRepository(target, reference).path] as const);
    if (paths.length === 0) continue;
    const prefix = registryPathPrefix(target, registry);
    const isMoved = ([path, there]: readonly [string, string]): boolean =>
      prefix === undefined || there !== joinPath(prefix, path);
    const moved = new Set(paths.filter(isMoved).map(([path]) => path));
    registries.push({ registry, prefix, repositories: new Map(paths), moved });
  }
  return { registries, left };
}

/** Source registry that is redirected as a whole. */
export interface WholeRegistry {
  readonly registry: string;
  /** URL to which the node appends a repository's path; it has the API's `/v2`. */
  readonly url: string;
}

/**
 * Groups references like {@link nodeRegistries} for a reader that can only redirect whole registries.
 * @param format its name for `--format`
 * @throws AirgapError `usage` for a naming that does not keep paths
 */
export function wholeRegistries(
  references: readonly Reference[],
  target: Target,
  { format, reader, plainHttp }: { readonly format: string; readonly reader: string; readonly plainHttp: boolean },
): { readonly registries: readonly WholeRegistry[]; readonly left: readonly string[] } {
  const { registries, left } = nodeRegistries(references, target, reader);
  const movedIn = new Map(registries.map(({ registry, moved }) => [registry, moved]));
  const moved = references.filter(({ registry, path }) => movedIn.get(registry)?.has(path));
  return {
    registries: registries.map(({ registry, prefix }) => {
      if (prefix === undefined) throw wholeRegistriesError(format, target);
      return { registry, url: [targetUrl(target, plainHttp), 'v2', prefix].filter(Boolean).join('/') };
    }),
    left: [...left, ...moved.map((reference) => `${formatReference(reference)}: its path differs at the target`)],
  };
}

function wholeRegistriesError(format: string, { naming, rules = [] }: Target): AirgapError {
  const withRules = rules.length > 0 ? ' with rules' : '';
  return new AirgapError(
    'usage',
    `--format ${format} redirects whole registries, but --naming ${naming}${withRules} changes repository paths`,
    { hint: 'push with --naming host-path or path and without rules, or use --format k3s, crio or mirrorset' },
  );
}

/** Formats the target's URL: `https://HOST`. */
export function targetUrl({ registry }: Target, plainHttp: boolean): string {
  return `${plainHttp ? 'http' : 'https'}://${registry}`;
}

/** Joins two paths, each perhaps empty. */
function joinPath(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
}
