import type { Lock } from '../lock/lock.ts';
import { referrerKind } from '../oci/referrer.ts';
import { shortDigest, table } from './text.ts';

/** What belongs to images and charts, as a table; nothing where there is none. */
export function belongingReport(lock: Pick<Lock, 'charts' | 'images'> | undefined): readonly string[] {
  const owners = [
    ...(lock?.charts ?? []).map(({ name, version, ...chart }) => ({ name: `${name} ${version}`, ...chart })),
    ...(lock?.images ?? []).map(({ reference, ...image }) => ({ name: reference, ...image })),
  ];
  const rows = owners.flatMap(({ name, digest, referrers = [] }) =>
    referrers.map((referrer) => [
      referrerKind(referrer),
      shortDigest(referrer.digest),
      `${name}${referrer.subject === digest || referrer.leftOut ? '' : `, ${shortDigest(referrer.subject)} in it`}`,
      referrer.leftOut ? 'left out: its index is another one here' : '',
    ]),
  );
  return rows.length === 0 ? [] : [table(['BELONGING', 'DIGEST', 'TO', ''], rows)];
}
