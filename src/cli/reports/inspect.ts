import { count } from '../../base/count.ts';
import type { Delta } from '../../inventory/delta.ts';
import type { Location } from '../../inventory/finding.ts';
import type { Inventory } from '../../inventory/inventory.ts';
import { missingOf } from '../../inventory/missing-images.ts';
import { toolPath } from '../../inventory/tool-names.ts';
import { profileEntry } from '../../inventory/values-origin.ts';
import { encodedOf } from '../../oci/digest.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { Inspection } from '../../workflows/inspect/inspect.ts';
import { locationText } from './images.ts';
import { missingLines } from './missing.ts';
import { notKnownLines } from './not-known.ts';
import type { Block, Table } from './report.ts';
import { signersOf } from './signers.ts';
import { formatBytes, joinLines, shortDigest } from './text.ts';

/** Formats the content of a bundle, and where each image is needed. */
export function inspectReport(inspection: Inspection): readonly Block[] {
  const {
    file,
    size,
    blobs,
    parts,
    charts,
    images,
    lockDigest,
    delta,
    tools = [],
    lock: inventory,
    wholeTexts = [],
  } = inspection;
  const inventoryText = lockDigest === undefined ? '' : `, inventory ${shortDigest(lockDigest)}`;
  const { verified, claimed } = signersOf(inspection);
  const signed = [
    ...verified.map((fingerprint) => `signed by ${fingerprint}`),
    ...claimed.map((fingerprint) => `signed, not verified, by ${fingerprint ?? 'an unnamed key'}`),
  ];
  const partCount = parts === undefined ? '' : ` in ${count(parts, 'part')}`;
  const summary = `${file}: ${formatBytes(size)}${partCount}, ${count(blobs, 'blob')}${inventoryText}`;
  const root = inventory?.trustedRoot === undefined ? [] : [`trusted root ${inventory.trustedRoot}`];
  const sections: Block[] = [joinLines([summary, ...signed, ...root, ...deltaReport(delta)])];
  if (charts.length > 0) {
    const byName = new Map(inventory?.charts.map((chart) => [`${chart.name} ${chart.version}`, chart]));
    const rows = charts.map(({ name, version, digest }) => {
      const { source = '', parent, profiles = [] } = byName.get(`${name} ${version}`) ?? {};
      const profileTexts = profiles.map((profile) =>
        profileEntry({ ...profile, ...(parent === undefined ? {} : { parent }) }),
      );
      return [name, version, shortDigest(digest), source, profileTexts.join('; ')];
    });
    sections.push({ head: ['CHART', 'VERSION', 'DIGEST', 'SOURCE', 'PROFILES'], rows });
  }
  if (images.length > 0) {
    const byName = new Map(inventory?.images.map((image) => [image.reference, image]));
    const rows = images.map(({ reference, digest }) => {
      const image = byName.get(reference);
      const why = image?.found[0];
      const subset = image?.sourceDigest === undefined ? '' : ` (was ${shortDigest(image.sourceDigest)})`;
      return [
        reference,
        shortDigest(digest) + subset,
        image === undefined ? '' : formatBytes(image.bytes),
        image?.platforms.join(' ') ?? '',
        why === undefined ? '' : `${why.chart === '' ? '' : `${why.chart}: `}${locationText(why as Location)}`,
      ];
    });
    sections.push({ head: ['IMAGE', 'DIGEST', 'SIZE', 'PLATFORMS', 'WHY'], rows });
    sections.push(...referrerTables(inventory));
  }
  const missing = missingLines(missingOf(inventory));
  if (missing.length > 0) sections.push(joinLines(missing));
  const notKnown = notKnownLines(inventory?.notKnown);
  if (notKnown.length > 0) sections.push(joinLines(notKnown));
  if (tools.length > 0) {
    const rows = tools.map(({ name, platform = '', size, digest }) => [
      toolPath(name),
      platform,
      formatBytes(size),
      encodedOf(digest),
    ]);
    sections.push({ head: ['TOOL', 'PLATFORM', 'SIZE', 'SHA-256'], rows });
  }
  if (wholeTexts.length > 0) {
    const paths = wholeTexts.map(({ chart, path }) => `  ${chart}: ${path}`);
    const title = `written by an older helm airgap, with the full text of ${count(wholeTexts.length, 'value')}, including any secrets:`;
    sections.push(joinLines([title, ...paths, '  create the bundle again to remove them']));
  }
  return sections;
}

/** Returns lines on what a delta bundle omits, or nothing for a complete bundle. */
export function deltaReport(delta: Delta | undefined): string[] {
  if (delta === undefined) return [];
  const { since, blobs, bytes } = delta;
  return [
    `delta: omits ${count(blobs, 'blob')} (${formatBytes(bytes)})`,
    `push the bundle with inventory ${shortDigest(since)} to the registry first`,
  ];
}

/** Returns a table of the referrers of images and charts, or nothing if there are none. */
function referrerTables(inventory: Pick<Inventory, 'charts' | 'images'> | undefined): readonly Table[] {
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
  return rows.length === 0 ? [] : [{ head: ['REFERRER', 'DIGEST', 'SUBJECT', ''], rows }];
}
