import { count } from '../../base/count.ts';
import { deltaOf } from '../../inventory/delta.ts';
import { type Finding, isBundledByDefault, type Location } from '../../inventory/finding.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import { profileEntry, profileText } from '../../inventory/values-origin.ts';
import type { BundleResult } from '../../workflows/bundle/bundle.ts';
import type { Confirmation } from '../../workflows/images/confirm.ts';
import type { ImagesResult } from '../../workflows/images/images.ts';
import type { Inspection, Verification } from '../../workflows/inspect/inspect.ts';
import type { Overrides } from '../../workflows/values/values.ts';
import { deltaReport } from './delta.ts';
import { estimateText } from './estimate.ts';
import { copiedValuesText, proofDetails } from './proof-details.ts';
import { referrerTables } from './referrer-table.ts';
import type { Report } from './report.ts';
import { formatBytes, joinLines, shortDigest, table } from './text.ts';

/** Formats the images that charts need. Notes: a summary, and what was left out. */
export function imagesReport({ charts, images, choices }: Pick<ImagesResult, 'charts' | 'images' | 'choices'>): Report {
  const rows = images.map((finding) => [
    finding.reference,
    finding.need,
    confidenceOf(finding),
    locationSummary(finding),
  ]);
  const titles = charts.map(({ name, version, via }) => {
    const parent = via === undefined ? '' : ` (installed by ${via.chart})`;
    return `${name} ${version}${parent}`;
  });
  const summary = `${count(images.length, 'image')}${titles.length === 0 ? '' : ` in ${titles.join(', ')}`}`;
  const possible = images.filter((image) => !isBundledByDefault(image)).length;
  const possibleNote =
    possible === 0 ? [] : [`${possible} of them of confidence "possible": bundled only with --include`];
  const remarks = [...possibleNote, ...choices.flatMap(selectionText)];
  const result = rows.length === 0 ? '' : table(['IMAGE', 'NEED', 'CONFIDENCE', 'FOUND IN'], rows);
  return { result, notes: joinLines([summary, ...remarks]) };
}

function confidenceOf({ confidence, confirmed }: Finding): string {
  if (confirmed === undefined) return confidence;
  return `${confidence}, ${confirmed ? 'in registry' : 'not confirmed'}`;
}

/** Formats the candidates that registries do not have. */
export function droppedReport(dropped: Confirmation['dropped']): Report {
  if (dropped.length === 0) return { result: '', notes: 'no image dropped: no registry reports one as missing' };
  const rows = dropped.map(({ reference, found, why }) => [reference, why, locationSummary({ found })]);
  return { result: table(['DROPPED', 'REASON', 'FOUND IN'], rows), notes: '' };
}

/** Returns a line on the charts and images that a rule left out. */
function selectionText({ rule, pattern, reason, charts = [], references }: SelectionRecord): string[] {
  if (rule === 'include' || references.length + charts.length === 0) return [];
  const why = reason === undefined ? '' : ` (${reason})`;
  return [
    `left out by --${rule}${pattern === undefined ? '' : ` ${pattern}`}${why}: ${[...charts, ...references].join(', ')}`,
  ];
}

/** Formats the images that optional components would add, with the values that enable them. */
export function whatIfReport(additions: NonNullable<ImagesResult['whatIf']>): Report {
  if (additions.length === 0) return { result: '', notes: 'no optional component would add an image' };
  const rows = additions.map((finding) => [
    finding.reference,
    finding.switches.length === 0 ? 'several values together' : finding.switches.join(', '),
    locationSummary(finding),
  ]);
  return { result: table(['WOULD ADD', 'ENABLED BY', 'FOUND IN'], rows), notes: '' };
}

/** Formats what workloads fetch from the internet besides images. */
export function networkReport(network: ImagesResult['network']): Report {
  if (network.length === 0) {
    return { result: '', notes: 'no other download from the internet found in the manifests' };
  }
  const rows = network.map(({ url, kind, found }) => {
    const [first] = found;
    const more = found.length > 1 ? ` and ${found.length - 1} more` : '';
    const hook = first?.hook === undefined ? '' : ` (hook ${first.hook})`;
    const disabledBy = [...new Set(found.flatMap(({ values = [] }) => values))].join(', ');
    const location =
      first === undefined ? '' : `${first.chart}: ${first.kind}/${first.name} ${first.path}${hook}${more}`;
    return [kind, url, disabledBy, location];
  });
  return { result: table(['DOWNLOAD', 'ADDRESS', 'DISABLED BY', 'FOUND IN'], rows), notes: '' };
}

function locationSummary({ found }: Pick<Finding, 'found'>): string {
  const [first] = found;
  if (first === undefined) return '';
  return `${locationText(first)}${found.length > 1 ? ` and ${found.length - 1} more` : ''}`;
}

function locationText({ chart, kind, name, path, how }: Location): string {
  // A lock file records which chart needs an image, but not the location.
  if (how === 'added') return chart === '' ? 'added by name' : 'listed in the lock file';
  return `${kind}/${name} ${path}`;
}

/** Formats the bundle that was written, or the estimate of a dry run. Notes: what is not in it. */
export function bundleReport(result: BundleResult): Report {
  const { status, path, parts, size, blobs, lock: inventory, dropped, possible, unanswered = [], ...bytes } = result;
  const partCount = parts === undefined ? '' : ` in ${count(parts.length, 'part')}`;
  const without = dropped.length === 0 ? '' : `, without ${count(dropped.length, 'candidate')} missing from registries`;
  const content = `${count(inventory.charts.length, 'chart')}, ${count(inventory.images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}${partCount}${without}`;
  const possibleNote =
    possible.length === 0 ? [] : [`possible images left out (add them with --include): ${possible.join(', ')}`];
  const incomplete = unanswered.map(
    ({ registry, images }) =>
      `referrers of ${count(images.length, 'image')} may be missing: ${registry} did not list them, see the warning above`,
  );
  const notes = [...possibleNote, ...incomplete].join('\n');
  const delta = deltaReport(deltaOf(inventory));
  if (status === 'up-to-date') return { result: [`${path} is up to date: ${content}`, ...delta].join('\n'), notes };
  if (status === 'planned') {
    const dryRunNotes = [`dry run: ${path} was not written`, notes].filter((note) => note !== '').join('\n');
    return { result: [estimateText(bytes.estimate), ...delta].join('\n'), notes: dryRunNotes };
  }
  const { fetched, reused, resumed } = bytes;
  const reusedText = reused > 0 ? `, ${formatBytes(reused)} from earlier bundles` : '';
  const resumedText = resumed > 0 ? `, ${formatBytes(resumed)} kept from an interrupted run` : '';
  const written = `${path} written: ${content} (${formatBytes(fetched)} fetched${reusedText}${resumedText})`;
  return { result: [written, ...delta].join('\n'), notes };
}

/** Formats the content of a bundle, and where each image is needed. */
export function inspectReport(inspection: Inspection): string {
  const {
    file,
    size,
    blobs,
    parts,
    charts,
    images,
    lockDigest,
    signatures = [],
    signedBy,
    delta,
    lock: inventory,
    wholeTexts = [],
  } = inspection;
  const inventoryText = lockDigest === undefined ? '' : `, inventory ${shortDigest(lockDigest)}`;
  const claims = signatures.map(({ fingerprint = 'an unnamed key' }) => `signed, not verified, by ${fingerprint}`);
  const signed = signedBy === undefined ? claims : [`signed by ${signedBy}`];
  const partCount = parts === undefined ? '' : ` in ${count(parts, 'part')}`;
  const summary = `${file}: ${formatBytes(size)}${partCount}, ${count(blobs, 'blob')}${inventoryText}`;
  const sections = [[summary, ...signed, ...deltaReport(delta)].join('\n')];
  if (charts.length > 0) {
    const byName = new Map(inventory?.charts.map((chart) => [`${chart.name} ${chart.version}`, chart]));
    const rows = charts.map(({ name, version, digest }) => {
      const { source = '', parent, profiles = [] } = byName.get(`${name} ${version}`) ?? {};
      const profileTexts = profiles.map((profile) =>
        profileEntry({ ...profile, ...(parent === undefined ? {} : { parent }) }),
      );
      return [name, version, shortDigest(digest), source, profileTexts.join('; ')];
    });
    sections.push(table(['CHART', 'VERSION', 'DIGEST', 'SOURCE', 'PROFILES'], rows));
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
    sections.push(table(['IMAGE', 'DIGEST', 'SIZE', 'PLATFORMS', 'WHY'], rows));
    sections.push(...referrerTables(inventory));
  }
  if (wholeTexts.length > 0) {
    const paths = wholeTexts.map(({ chart, path }) => `  ${chart}: ${path}`);
    const title = `written by an older helm airgap, with the full text of ${count(wholeTexts.length, 'value')}, including any secrets:`;
    sections.push([title, ...paths, '  create the bundle again to remove them'].join('\n'));
  }
  return sections.join('\n\n');
}

/** Formats the result of checking a bundle. */
export function verifyReport(verification: Verification): string {
  const { file, size, blobs, charts, images, delta, signedBy, packedByAnother, problems } = verification;
  if (problems.length === 0) {
    const content = `${count(charts.length, 'chart')}, ${count(images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}`;
    const signed = signedBy === undefined ? [] : [`signed by ${signedBy}`];
    const packed = packedByAnother
      ? ['repacked by another tool: the content was checked, not the layout of the archive']
      : [];
    return [`${file} is complete and undamaged: ${content}`, ...signed, ...packed, ...deltaReport(delta)].join('\n');
  }
  const lines = problems.map(
    ({ message, affects }) => `  - ${message}${affects.length > 0 ? ` (affects ${affects.join(', ')})` : ''}`,
  );
  return joinLines([`${file} is damaged:`, ...lines]);
}

/**
 * Formats the proof of overrides, without a final newline.
 * @param showProfile include the profile, for charts that may have several
 */
export function proofReport(result: Overrides, showProfile = false): string {
  const { chart, version, profile, proof, copied, notInBundle, moreInBundle, postRenderMap, changedChart } = result;
  const name = `${chart} ${version}${showProfile ? ` (profile ${profile})` : ''}`;
  const scope = moreInBundle === undefined ? '' : ' with these values';
  const more = moreInBundle && `; the bundle has ${count(moreInBundle.references.length, 'more image')} of this chart`;
  const lines = [
    proof.skipped
      ? `${name}: overrides for ${count(proof.references, 'reference')}${scope}, not proved${more ?? ''}`
      : `${name}: ${proof.rewritten} of ${count(proof.references, 'reference')} private${scope}, proved by rendering${more ?? ''}`,
  ];
  for (const reference of moreInBundle?.references ?? []) lines.push(`  in the bundle, not needed: ${reference}`);
  for (const bundledProfile of moreInBundle?.profiles ?? []) lines.push(`    ${profileText(bundledProfile)}`);
  if (postRenderMap !== undefined)
    lines.push(`  rewritten by the post-renderer: ${count(postRenderMap.entries, 'location')} (${postRenderMap.name})`);
  if (changedChart !== undefined) {
    lines.push(
      `  rewritten in the templates: ${count(changedChart.changes.length, 'location')} (${changedChart.name})`,
    );
    for (const { file, line, from } of changedChart.changes)
      lines.push(`    ${file}:${line} ${from || 'the pull secret'}`);
  }
  for (const unmapped of proof.residue) {
    const { reference, template, path, written, because } = unmapped;
    lines.push(
      `  unmapped, still public: ${reference}`,
      `    ${template} ${path}${written === reference ? '' : ` has ${written}`}`,
    );
    const why = postRenderMap?.inHooks.includes(unmapped) ? postRenderMap.hint : because;
    if (why !== undefined) lines.push(`    ${why}`);
  }
  lines.push(...proofDetails(proof), ...copiedValuesText(copied));
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return joinLines(lines);
}
