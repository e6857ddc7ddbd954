import { formatReference, formatRepository, parseReference } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import { chartReference } from '../names.ts';
import type { Problem } from '../problem.ts';
import type { Bundle } from '../read.ts';

/** The index against the lock: the same names, with the same digests and media types. None without a lock. */
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
    problems.push({ message: `the lock lists ${name} twice, with two digests`, affects: [name] });
  }
  const types = new Map<string, string>(lock.images.map(({ reference, mediaType }) => [reference, mediaType]));
  for (const { reference, descriptor } of bundle.images()) {
    const name = formatReference(reference);
    if ((types.get(name) ?? descriptor.mediaType) === descriptor.mediaType) continue;
    problems.push({ message: `${name} has another media type in the index than in the lock`, affects: [name] });
  }
  for (const [name, digest] of locked) {
    const actual = there.get(name);
    if (actual === digest) continue;
    const message =
      actual === undefined
        ? `the lock lists ${name}, and the index does not`
        : `${name} is ${actual} in the index, and ${digest} in the lock`;
    problems.push({ message, affects: [name] });
  }
  for (const name of there.keys()) {
    if (!locked.has(name))
      problems.push({ message: `the index lists ${name}, and the lock does not`, affects: [name] });
  }
  return problems;
}

/** What belongs to images: the index is what is pushed, the lock is what people read. */
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
    const message = `the index lists ${descriptor.digest} (${referrerKind(referrer)}) for ${formatRepository(repository)}@${subject}, and the lock does not`;
    problems.push({ message, affects: [] });
  }
  for (const [key, { kind, name }] of locked) {
    problems.push({
      message: `the lock lists ${key.split(' ')[2]} (${kind}), and the index does not`,
      affects: [name],
    });
  }
  return problems;
}
