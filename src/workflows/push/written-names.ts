import { AirgapError } from '../../base/errors.ts';
import { textBefore } from '../../base/text-trim.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { type Target, usesWrittenNames } from '../../naming/naming.ts';
import { hostComponent } from '../../naming/naming-template.ts';
import { formatRepository, parseReference, tryParseReference, withoutScheme } from '../../oci/reference.ts';

/**
 * Returns the target, completed with the image names as charts write them, if the naming needs these.
 * @throws AirgapError `usage` when the naming needs them and no single bundle provides them
 */
export function withWrittenNames(target: Target, bundles: readonly Bundle[]): Target {
  if (!usesWrittenNames(target)) return target;
  const [bundle, ...more] = bundles;
  const inventory = bundle?.inventory();
  if (inventory !== undefined && more.length === 0) return { ...target, writtenNames: writtenNames(inventory) };
  throw new AirgapError(
    'usage',
    `--naming ${target.naming} depends on how the charts of a single bundle write their images`,
    {
      hint: more.length > 0 ? 'push one bundle after the other' : 'use a bundle written by helm airgap bundle',
    },
  );
}

/** Like {@link withWrittenNames}, for a bundle that is not open yet. */
export async function withWrittenNamesFromFile(
  target: Target,
  file: string | undefined,
  { signers }: Pick<OpenOptions, 'signers'> = {},
): Promise<Target> {
  if (!usesWrittenNames(target)) return target;
  const bundle = file === undefined ? undefined : await openCheckedBundle(file, { signers });
  try {
    return withWrittenNames(target, bundle === undefined ? [] : [bundle]);
  } finally {
    await bundle?.close();
  }
}

/**
 * Returns the spelling of each repository in the charts, by `registry/path`: without tag and digest, with the host as a
 * path component. The most frequent spelling wins, then the first in alphabetical order. Repositories that are never
 * written in full are omitted.
 */
export function writtenNames({
  images,
}: {
  readonly images: readonly { readonly reference: string; readonly found: readonly { readonly written: string }[] }[];
}): ReadonlyMap<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const { reference, found } of images) {
    const repository = formatRepository(parseReference(reference));
    for (const { written } of found) {
      const name = withoutScheme(written);
      const parsed = tryParseReference(name);
      if (parsed === undefined || formatRepository(parsed) !== repository) continue;
      const path = writtenPath(name);
      const pathCounts = counts.get(repository) ?? new Map<string, number>();
      counts.set(repository, pathCounts.set(path, (pathCounts.get(path) ?? 0) + 1));
    }
  }
  return new Map([...counts].map(([repository, pathCounts]) => [repository, mostCommon(pathCounts)]));
}

function writtenPath(written: string): string {
  const name = textBefore(written, '@').replace(/:[^:/]*$/, '');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isHost ? `${hostComponent(first)}${name.slice(slash)}` : name;
}

function mostCommon(counts: ReadonlyMap<string, number>): string {
  const order = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return order[0]?.[0] ?? '';
}
