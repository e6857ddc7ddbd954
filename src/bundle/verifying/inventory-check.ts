import { toolPath } from '../../inventory/tool-names.ts';
import { formatReference, formatRepository, parseReference } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import { chartReference } from '../format/names.ts';
import type { Bundle } from '../reading/bundle.ts';

/**
 * Checks that index and inventory list the same names, digests, media types and referrers, and that the archive has the
 * inventory's tools. Skipped without inventory.
 */
export function checkAgainstInventory(bundle: Bundle): BundleProblem[] {
  return [...checkRoots(bundle), ...checkReferrers(bundle), ...checkTools(bundle)];
}

/** Checks names and sizes of tools. Files that the inventory does not list are foreign entries (reading/packing.ts). */
function checkTools(bundle: Pick<Bundle, 'tools' | 'inventory'>): BundleProblem[] {
  return (bundle.inventory()?.tools ?? []).flatMap(({ name, size }) => {
    const found = bundle.tools.get(name)?.size;
    if (found === size) return [];
    const what = found === undefined ? 'is missing' : `has ${found} bytes, expected ${size}`;
    return [{ message: `${toolPath(name)} ${what}`, affects: [] }];
  });
}

function checkRoots(bundle: Bundle): BundleProblem[] {
  const inventory = bundle.inventory();
  if (inventory === undefined) return [];
  const entries = [
    ...inventory.images.map(({ reference, digest }): [string, string] => [reference, digest]),
    ...inventory.charts.map(({ name, version, digest }): [string, string] => [
      formatReference(chartReference(name, version)),
      digest,
    ]),
  ];
  const listed = new Map<string, string>(entries);
  const indexed = new Map<string, string>(
    [...bundle.images(), ...bundle.charts()].map(({ reference, descriptor }) => [
      formatReference(reference),
      descriptor.digest,
    ]),
  );
  const problems: BundleProblem[] = [];
  for (const [name, digest] of entries) {
    if (listed.get(name) === digest) continue;
    problems.push({ message: `the inventory lists ${name} twice with different digests`, affects: [name] });
  }
  const types = new Map<string, string>(inventory.images.map(({ reference, mediaType }) => [reference, mediaType]));
  for (const { reference, descriptor } of bundle.images()) {
    const name = formatReference(reference);
    if ((types.get(name) ?? descriptor.mediaType) === descriptor.mediaType) continue;
    problems.push({ message: `${name} has different media types in the index and in the inventory`, affects: [name] });
  }
  for (const [name, digest] of listed) {
    const actual = indexed.get(name);
    if (actual === digest) continue;
    const message =
      actual === undefined
        ? `the inventory lists ${name}, but the index does not`
        : `${name} is ${actual} in the index but ${digest} in the inventory`;
    problems.push({ message, affects: [name] });
  }
  for (const name of indexed.keys()) {
    if (!listed.has(name))
      problems.push({ message: `the index lists ${name}, but the inventory does not`, affects: [name] });
  }
  return problems;
}

/** Checks that index and inventory list the same referrers: `push` uses the index, reports use the inventory. */
function checkReferrers(bundle: Bundle): BundleProblem[] {
  const inventory = bundle.inventory();
  if (inventory === undefined) return [];
  const owners = [
    ...inventory.images.map(({ reference, referrers }) => ({
      name: reference,
      repository: parseReference(reference),
      referrers,
    })),
    ...inventory.charts.map(({ name, version, referrers }) => {
      const repository = chartReference(name, version);
      return { name: formatReference(repository), repository, referrers };
    }),
  ];
  const listed = new Map<string, { readonly kind: string; readonly name: string }>();
  for (const { name, repository, referrers = [] } of owners) {
    for (const referrer of referrers.filter(({ leftOut }) => !leftOut)) {
      const { subject, digest, tag = '' } = referrer;
      listed.set(`${formatRepository(repository)} ${subject} ${digest} ${tag}`, { kind: referrerKind(referrer), name });
    }
  }
  const problems: BundleProblem[] = [];
  for (const referrer of bundle.referrers()) {
    const { repository, subject, descriptor, tag = '' } = referrer;
    if (listed.delete(`${formatRepository(repository)} ${subject} ${descriptor.digest} ${tag}`)) continue;
    const message = `the index lists ${descriptor.digest} (${referrerKind(referrer)}) for ${formatRepository(repository)}@${subject}, but the inventory does not`;
    problems.push({ message, affects: [] });
  }
  for (const [key, { kind, name }] of listed) {
    problems.push({
      message: `the inventory lists ${key.split(' ')[2]} (${kind}), but the index does not`,
      affects: [name],
    });
  }
  return problems;
}

/** A problem found in a bundle. */
export interface BundleProblem {
  /** Description in one sentence. */
  readonly message: string;
  /** Names of the images and charts that it makes unusable; may be empty. */
  readonly affects: readonly string[];
}
