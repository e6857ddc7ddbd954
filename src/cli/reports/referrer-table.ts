import type { Inventory } from '../../inventory/inventory.ts';
import { referrerKind } from '../../oci/referrer.ts';
import { shortDigest, table } from './text.ts';

/** Returns a table of the referrers of images and charts, or nothing if there are none. */
export function referrerTables(inventory: Pick<Inventory, 'charts' | 'images'> | undefined): readonly string[] {
  const owners = [
    ...(inventory?.charts ?? []).map(({ name, version, ...chart }) => ({ name: `${name} ${version}`, ...chart })),
    ...(inventory?.images ?? []).map(({ reference, ...image }) => ({ name: reference, ...image })),
  ];
  const rows = owners.flatMap(({ name, digest, referrers = [] }) =>
    referrers.map((referrer) => [
      referrerKind(referrer),
      shortDigest(referrer.digest),
      `${name}${referrer.subject === digest || referrer.leftOut ? '' : `, manifest ${shortDigest(referrer.subject)}`}`,
      referrer.leftOut ? 'not bundled: its subject is an index that was reduced to some platforms' : '',
    ]),
  );
  return rows.length === 0 ? [] : [table(['REFERRER', 'DIGEST', 'SUBJECT', ''], rows)];
}
