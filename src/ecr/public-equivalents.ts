import { formatRepository, type Repository } from '../oci/reference.ts';
import { ECR_PUBLIC_DUAL_STACK_HOST, ECR_PUBLIC_HOST, isEcrPublic } from './hosts.ts';
import published from './public-equivalents.json' with { type: 'json' };
import retired from './retired-aliases.json' with { type: 'json' };

/** Repositories of a publisher, without their names, and those of the same publisher in Public ECR. */
export interface Equivalence {
  /** `registry/path` of one repository, or `registry/path/*` for all that are directly below. */
  readonly from: string;
  /** Path in Public ECR, which ends with `/*` like `from`. */
  readonly to: string;
  /** Page on which the publisher says so. */
  readonly source: string;
}

/** An alias of Public ECR whose images are gone. */
interface Retirement {
  readonly alias: string;
  /** First day without the images, `YYYY-MM-DD`. */
  readonly since: string;
  /** Page on which the publisher says so. */
  readonly source: string;
  /** Repositories whose equivalents were below the alias, as in {@link Equivalence}. */
  readonly from: readonly string[];
}

const EQUIVALENCES: readonly Equivalence[] = published;
const RETIREMENTS: readonly Retirement[] = retired;
/** Google's cache of Docker Hub (cloud.google.com/artifact-registry/docs/pull-cached-dockerhub-images), which keeps its paths. */
const HUB_CACHE = 'mirror.gcr.io';

/** Reports whether a registry is Public ECR, by any of its names. */
export function isInPublicEcr({ registry }: Pick<Repository, 'registry'>): boolean {
  return isEcrPublic(registry) || registry.toLowerCase() === ECR_PUBLIC_DUAL_STACK_HOST;
}

/**
 * Returns the repository of Public ECR to which the publisher of another one says that the same images are pushed; undefined
 * if none is known. A tag may still be absent there or have another digest.
 */
export function publicEcrEquivalent(repository: Repository): Repository | undefined {
  return publishedIn(repository)?.equivalent;
}

/** Returns the equivalent of {@link publicEcrEquivalent} with the rule by which it is known. */
export function publishedIn(
  repository: Repository,
): { readonly equivalent: Repository; readonly rule: Equivalence } | undefined {
  for (const rule of EQUIVALENCES) {
    const path = pathBy(rule, repository);
    if (path !== undefined) return { equivalent: { registry: ECR_PUBLIC_HOST, path }, rule };
  }
  return undefined;
}

/**
 * Returns the retired alias that a repository is below, or that its equivalent was below, which is then returned as well;
 * undefined if there is none.
 */
export function retiredAlias(
  repository: Repository,
): { readonly retirement: Retirement; readonly equivalent?: Repository } | undefined {
  for (const retirement of RETIREMENTS) {
    if (isInPublicEcr(repository)) {
      if (repository.path.startsWith(`${retirement.alias}/`)) return { retirement };
      continue;
    }
    for (const from of retirement.from) {
      const path = pathBy({ from, to: `${retirement.alias}/*` }, repository);
      if (path !== undefined) return { retirement, equivalent: { registry: ECR_PUBLIC_HOST, path } };
    }
  }
  return undefined;
}

/** Returns the path that a rule gives a repository; undefined if it is about others. */
function pathBy({ from, to }: Pick<Equivalence, 'from' | 'to'>, repository: Repository): string | undefined {
  const name = formatRepository({
    ...repository,
    registry: repository.registry === HUB_CACHE ? 'docker.io' : repository.registry,
  });
  if (from === name) return to;
  const prefix = from.endsWith('/*') ? from.slice(0, -1) : undefined;
  if (prefix === undefined || !name.startsWith(prefix) || name.slice(prefix.length).includes('/')) return undefined;
  return `${to.slice(0, -1)}${name.slice(prefix.length)}`;
}
