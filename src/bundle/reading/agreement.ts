import { formatReference, formatRepository, parseReference } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import { chartReference } from '../names.ts';
import type { Problem } from '../problem.ts';
import type { Bundle } from '../read.ts';

/**
 * Checks that index and inventory list the same names, digests, media types and referrers. Skipped without inventory.
 */
export function checkAgreement(bundle: Bundle): Problem[] {
  return [...checkLock(bundle), ...checkReferrers(bundle)];
}

function checkLock(bundle: Bundle): Problem[] {
  const lock = bundle.lock();
  if (lock === undefined) return [];
  const entries = [
    ...lock.images.map(({ reference, digest }): [string, string] => [reference, digest]),
    ...lock.charts.map(({ name, version, digest }): [string, string] => [
      formatReference(chartReference(name, version)),
      digest,
    ]),
  ];
  const locked = new Map<string, string>(entries);
  const there = new Map<string, string>(
    [...bundle.images(), ...bundle.charts()].map(({ reference, descriptor }) => [
      formatReference(reference),
      descriptor.digest,
    ]),
  );
  const problems: Problem[] = [];
  for (const [name, digest] of entries) {
    if (locked.get(name) === digest) continue;
    problems.push({ message: `the inventory lists ${name} twice with different digests`, affects: [name] });
  }
  const types = new Map<string, string>(lock.images.map(({ reference, mediaType }) => [reference, mediaType]));
  for (const { reference, descriptor } of bundle.images()) {
    const name = formatReference(reference);
    if ((types.get(name) ?? descriptor.mediaType) === descriptor.mediaType) continue;
    problems.push({ message: `${name} has different media types in the index and in the inventory`, affects: [name] });
  }
  for (const [name, digest] of locked) {
    const actual = there.get(name);
    if (actual === digest) continue;
    const message =
      actual === undefined
        ? `the inventory lists ${name}, but the index does not`
        : `${name} is ${actual} in the index but ${digest} in the inventory`;
    problems.push({ message, affects: [name] });
  }
  for (const name of there.keys()) {
    if (!locked.has(name))
      problems.push({ message: `the index lists ${name}, but the inventory does not`, affects: [name] });
  }
  return problems;
}

/** Checks that index and inventory list the same referrers: `push` uses the index, reports use the inventory. */
function checkReferrers(bundle: Bundle): Problem[] {
  const lock = bundle.lock();
  if (lock === undefined) return [];
  const owners = [
    ...lock.images.map(({ reference, referrers }) => ({ name: reference, at: parseReference(reference), referrers })),
    ...lock.charts.map(({ name, version, referrers }) => {
      const at = chartReference(name, version);
      return { name: formatReference(at), at, referrers };
    }),
  ];
  const locked = new Map<string, { readonly kind: string; readonly name: string }>();
  for (const { name, at, referrers = [] } of owners) {
    for (const referrer of referrers.filter(({ leftOut }) => !leftOut)) {
      const { subject, digest, tag = '' } = referrer;
      locked.set(`${formatRepository(at)} ${subject} ${digest} ${tag}`, { kind: referrerKind(referrer), name });
    }
  }
  const problems: Problem[] = [];
  for (const referrer of bundle.referrers()) {
    const { repository, subject, descriptor, tag = '' } = referrer;
    if (locked.delete(`${formatRepository(repository)} ${subject} ${descriptor.digest} ${tag}`)) continue;
    const message = `the index lists ${descriptor.digest} (${referrerKind(referrer)}) for ${formatRepository(repository)}@${subject}, but the inventory does not`;
    problems.push({ message, affects: [] });
  }
  for (const [key, { kind, name }] of locked) {
    problems.push({
      message: `the inventory lists ${key.split(' ')[2]} (${kind}), but the index does not`,
      affects: [name],
    });
  }
  return problems;
}
