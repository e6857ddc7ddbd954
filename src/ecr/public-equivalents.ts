import { formatRepository, type Repository } from '../oci/reference.ts';
import { ECR_PUBLIC_HOST } from './hosts.ts';
import published from './public-equivalents.json' with { type: 'json' };

/** Repositories of a publisher, without their names, and those of the same publisher in Public ECR. */
interface Equivalence {
  /** `registry/path` of one repository, or `registry/path/*` for all that are directly below. */
  readonly from: string;
  /** Path in Public ECR, which ends with `/*` like `from`. */
  readonly to: string;
  /** Page on which the publisher says so. */
  readonly source: string;
}

const EQUIVALENCES: readonly Equivalence[] = published;

/**
 * Returns the repository of Public ECR to which the publisher of another one says that the same images are pushed; undefined
 * if none is known. A tag may still be absent there or have another digest.
 */
export function publicEcrEquivalent(repository: Repository): Repository | undefined {
  const name = formatRepository(repository);
  for (const { from, to } of EQUIVALENCES) {
    if (from === name) return { registry: ECR_PUBLIC_HOST, path: to };
    const prefix = from.endsWith('/*') ? from.slice(0, -1) : undefined;
    if (prefix === undefined || !name.startsWith(prefix) || name.slice(prefix.length).includes('/')) continue;
    return { registry: ECR_PUBLIC_HOST, path: `${to.slice(0, -1)}${name.slice(prefix.length)}` };
  }
  return undefined;
}
