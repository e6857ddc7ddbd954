import type { Repository } from '../../oci/reference.ts';
import { tryParseRepository } from '../../oci/reference.ts';
import type { Required } from '../../transfer/required.ts';
import type { Cargo } from './cargo.ts';

/** What deltas leave out. The older bundle was pushed by the same rule of names, so that says where it is. */
export function requiredOf(
  { required, bundles }: Cargo,
  target: (repository: Repository) => Repository,
  source: Required['source'],
): Required | undefined {
  if (required === undefined) return undefined;
  const repositories = required.map(
    ({ digest, repositories: names }) =>
      [digest, names.flatMap((name) => tryParseRepository(name) ?? []).map(target)] as const,
  );
  const since = bundles.flatMap((bundle) => bundle.lock()?.since ?? []).join(', ');
  const hint = `push the older bundle first, whose lock is ${since}, with the same --to and --naming; or carry a whole bundle, made without --since`;
  return { repositories: new Map(repositories), source, hint };
}
