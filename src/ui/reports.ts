import type { Choice } from '../lock/choice.ts';
import { deltaOf } from '../lock/delta.ts';
import { type Finding, isWanted, type Place } from '../lock/finding.ts';
import { profileEntry, profileText } from '../lock/given.ts';
import type { BundleResult } from '../workflows/bundle.ts';
import type { Confirmation } from '../workflows/confirm.ts';
import type { ImagesResult } from '../workflows/images.ts';
import type { Inspection, Verification } from '../workflows/inspect.ts';
import type { Overrides } from '../workflows/values.ts';
import { belongingReport } from './belonging.ts';
import { completionReport, copiedReport } from './completion-report.ts';
import { deltaReport } from './delta.ts';
import { count, formatBytes, lined, shortDigest, table } from './text.ts';

/** Reports for people. Each gives text without a newline at its end. */

export function imagesReport({ charts, images, choices }: Pick<ImagesResult, 'charts' | 'images' | 'choices'>): string {
  const rows = images.map((finding) => [finding.reference, finding.need, confidenceOf(finding), placesOf(finding)]);
  const by = (via: (typeof charts)[number]['via']): string => (via === undefined ? '' : ` (by ${via.chart})`);
  const names = charts.map(({ name, version, via }) => `${name} ${version}${by(via)}`).join(', ');
  const summary = `${count(images.length, 'image')}${names === '' ? '' : ` in ${names}`}`;
  const possible = images.filter((image) => !isWanted(image)).length;
  const doubtful = possible === 0 ? [] : [`${possible} of them only possible: bundle takes what --include names`];
  const left = [...doubtful, ...choices.flatMap((choice) => choiceText(choice))];
  const end = lined([summary, ...left]);
  return rows.length === 0 ? end : `${table(['IMAGE', 'NEED', 'CONFIDENCE', 'FOUND IN'], rows)}\n\n${end}`;
}

function confidenceOf({ confidence, confirmed }: Finding): string {
  if (confirmed === undefined) return confidence;
  return `${confidence}, ${confirmed ? 'is there' : 'not confirmed'}`;
}

/** Candidates that registries do not have. */
export function droppedReport(dropped: Confirmation['dropped']): string {
  if (dropped.length === 0) return 'nothing was dropped: no registry says of any of them that it is not there';
  const rows = dropped.map(({ reference, found, why }) => [reference, why, placesOf({ found })]);
  return table(['DROPPED', 'SINCE', 'FOUND IN'], rows);
}

/** What was left out, and why. */
function choiceText({ rule, pattern, reason, charts = [], references }: Choice): string[] {
  if (rule === 'include' || references.length + charts.length === 0) return [];
  const why = reason === undefined ? '' : ` (${reason})`;
  return [
    `left out by --${rule}${pattern === undefined ? '' : ` ${pattern}`}${why}: ${[...charts, ...references].join(', ')}`,
  ];
}

/** What optional components would add, and the values that switch them on. */
export function whatIfReport(additions: NonNullable<ImagesResult['whatIf']>): string {
  if (additions.length === 0) return 'no optional component would add an image';
  const rows = additions.map((finding) => [
    finding.reference,
    finding.switches.length === 0 ? 'several values together' : finding.switches.join(', '),
    placesOf(finding),
  ]);
  return table(['WOULD ADD', 'SWITCHED ON BY', 'FOUND IN'], rows);
}

/** What workloads fetch besides images, as a table; a place a row. */
export function networkReport(network: ImagesResult['network']): string {
  if (network.length === 0) return 'nothing else is fetched from the internet, as far as the manifests show';
  const rows = network.map(({ url, kind, found }) => {
    const [first] = found;
    const more = found.length > 1 ? ` and ${found.length - 1} more` : '';
    const hook = first?.hook === undefined ? '' : ` (hook ${first.hook})`;
    const off = [...new Set(found.flatMap(({ values = [] }) => values))].join(', ');
    const by = first === undefined ? '' : `${first.chart}: ${first.kind}/${first.name} ${first.path}${hook}${more}`;
    return [kind, url, off, by];
  });
  return table(['FETCHED', 'ADDRESS', 'TURNED OFF BY', 'BY'], rows);
}

function placesOf({ found }: Pick<Finding, 'found'>): string {
  const [first] = found;
  if (first === undefined) return '';
  return `${placeText(first)}${found.length > 1 ? ` and ${found.length - 1} more` : ''}`;
}

function placeText({ chart, kind, name, path, how }: Place): string {
  // A lock file knows which chart wants an image, and not where.
  if (how === 'added') return chart === '' ? 'added by name' : 'as the lock file says';
  return `${kind}/${name} ${path}`;
}

export function bundleReport(result: BundleResult): string {
  const { status, path, parts, size, blobs, lock, dropped, possible, unanswered = [], ...bytes } = result;
  const pieces = parts === undefined ? '' : ` in ${count(parts.length, 'part')}`;
  const without = dropped.length === 0 ? '' : `, without ${count(dropped.length, 'candidate')} that no registry has`;
  const content = `${count(lock.charts.length, 'chart')}, ${count(lock.images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}${pieces}${without}`;
  const doubtful =
    possible.length === 0 ? [] : [`only possible, and left out unless --include names it: ${possible.join(', ')}`];
  const unknown = unanswered.map(
    ({ registry, images }) =>
      `without what ${registry} did not say: signatures and other referrers of ${count(images.length, 'image')} are not all known, see the warning`,
  );
  const delta = [...doubtful, ...unknown, ...deltaReport(deltaOf(lock))];
  if (status === 'up-to-date') return [`${path} is up to date: ${content}`, ...delta].join('\n');
  if (status === 'planned') return [`a dry run: ${path} was not written`, ...delta].join('\n');
  const { fetched, reused, resumed } = bytes;
  const copied = reused > 0 ? `, ${formatBytes(reused)} from earlier bundles` : '';
  const again = resumed > 0 ? `, ${formatBytes(resumed)} kept from an earlier run` : '';
  return [`${path} written: ${content} (${formatBytes(fetched)} fetched${copied}${again})`, ...delta].join('\n');
}

export function inspectReport(inspection: Inspection): string {
  const {
    file,
    size,
    blobs,
    parts: split,
    charts,
    images,
    lockDigest,
    signatures = [],
    signedBy,
    delta,
    lock,
    wholeTexts = [],
  } = inspection;
  const named = lockDigest === undefined ? '' : `, lock ${shortDigest(lockDigest)}`;
  const claims = signatures.map(
    ({ fingerprint = 'a key that it does not name' }) => `signed, as it says, by ${fingerprint}`,
  );
  const signed = signedBy === undefined ? claims : [`signed by ${signedBy}`];
  const pieces = split === undefined ? '' : ` in ${count(split, 'part')}`;
  const summary = `${file}: ${formatBytes(size)}${pieces}, ${count(blobs, 'blob')}${named}`;
  const parts = [[summary, ...signed, ...deltaReport(delta)].join('\n')];
  if (charts.length > 0) {
    const known = new Map(lock?.charts.map((chart) => [`${chart.name} ${chart.version}`, chart]));
    const rows = charts.map(({ name, version, digest }) => {
      const { source = '', parent, profiles = [] } = known.get(`${name} ${version}`) ?? {};
      const made = profiles.map((profile) => profileEntry({ ...profile, ...(parent === undefined ? {} : { parent }) }));
      return [name, version, shortDigest(digest), source, made.join('; ')];
    });
    parts.push(table(['CHART', 'VERSION', 'DIGEST', 'SOURCE', 'PROFILES'], rows));
  }
  if (images.length > 0) {
    const known = new Map(lock?.images.map((image) => [image.reference, image]));
    const rows = images.map(({ reference, digest }) => {
      const image = known.get(reference);
      const why = image?.found[0];
      const subset = image?.sourceDigest === undefined ? '' : ` (was ${shortDigest(image.sourceDigest)})`;
      return [
        reference,
        shortDigest(digest) + subset,
        image === undefined ? '' : formatBytes(image.bytes),
        image?.platforms.join(' ') ?? '',
        why === undefined ? '' : `${why.chart === '' ? '' : `${why.chart}: `}${placeText(why as Place)}`,
      ];
    });
    parts.push(table(['IMAGE', 'DIGEST', 'SIZE', 'PLATFORMS', 'WHY'], rows));
    parts.push(...belongingReport(lock));
  }
  if (wholeTexts.length > 0) {
    const paths = wholeTexts.map(({ chart, path }) => `  ${chart}: ${path}`);
    const what = `an older helm airgap wrote the lock, with the whole text of ${count(wholeTexts.length, 'value')}, secrets in it included:`;
    parts.push([what, ...paths, '  make the bundle again for one without them'].join('\n'));
  }
  return parts.join('\n\n');
}

export function verifyReport(verification: Verification): string {
  const { file, size, blobs, charts, images, delta, signedBy, packedByAnother, problems } = verification;
  if (problems.length === 0) {
    const content = `${count(charts.length, 'chart')}, ${count(images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}`;
    const signed = signedBy === undefined ? [] : [`signed by ${signedBy}`];
    const packed = packedByAnother ? ['packed by another tool: its content was checked, not how that lies in it'] : [];
    return [`${file} is complete and undamaged: ${content}`, ...signed, ...packed, ...deltaReport(delta)].join('\n');
  }
  const lines = problems.map(
    ({ message, affects }) => `  - ${message}${affects.length > 0 ? ` (affects ${affects.join(', ')})` : ''}`,
  );
  return lined([`${file} is damaged:`, ...lines]);
}

/**
 * What the proof found, for stderr beside the overrides.
 * @param named whether the profile is said, since the chart may have several
 */
export function proofReport(result: Overrides, named = false): string {
  const { chart, version, profile, proof, copied, notInBundle, beyond, residueMap, changedChart } = result;
  const name = `${chart} ${version}${named ? ` (profile ${profile})` : ''}`;
  const some = beyond === undefined ? '' : ' with these values';
  const more = beyond && `; the bundle has ${count(beyond.references.length, 'more image')} of this chart`;
  const lines = [
    proof.skipped
      ? `${name}: overrides for ${count(proof.references, 'reference')}${some}, not proved${more ?? ''}`
      : `${name}: ${proof.rewritten} of ${count(proof.references, 'reference')} private${some}, proved by rendering${more ?? ''}`,
  ];
  for (const reference of beyond?.references ?? []) lines.push(`  in the bundle, and not needed: ${reference}`);
  for (const one of beyond?.profiles ?? []) lines.push(`    ${profileText(one)}`);
  if (residueMap !== undefined)
    lines.push(`  by the post-renderer: ${count(residueMap.entries, 'place')} (${residueMap.name})`);
  if (changedChart !== undefined) {
    lines.push(`  by changed templates: ${count(changedChart.changes.length, 'place')} (${changedChart.name})`);
    for (const { file, line, from } of changedChart.changes)
      lines.push(`    ${file}:${line} ${from || 'the pull secret'}`);
  }
  for (const residue of proof.residue) {
    const { reference, template, path, written, because } = residue;
    lines.push(
      `  still public: ${reference}`,
      `    ${template} ${path}${written === reference ? '' : ` has ${written}`}`,
    );
    const why = residueMap?.hidden.includes(residue) ? residueMap.hint : because;
    if (why !== undefined) lines.push(`    ${why}`);
  }
  lines.push(...completionReport(proof), ...copiedReport(copied));
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return lined(lines);
}
