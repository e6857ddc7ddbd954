import type { Finding, Place } from '../lock/finding.ts';
import { formatReference } from '../oci/reference.ts';
import type { BundleResult } from '../workflows/bundle.ts';
import type { ImagesResult } from '../workflows/images.ts';
import type { Inspection, Verification } from '../workflows/inspect.ts';
import type { PushResult } from '../workflows/push.ts';
import type { Overrides } from '../workflows/values.ts';
import { count, formatBytes, shortDigest, table } from './text.ts';

/** Reports for people. Each gives text without a newline at its end. */

export function imagesReport({ charts, images }: Pick<ImagesResult, 'charts' | 'images'>): string {
  const rows = images.map((finding) => [finding.reference, finding.need, finding.confidence, placesOf(finding)]);
  const by = (via: (typeof charts)[number]['via']): string => (via === undefined ? '' : ` (by ${via.chart})`);
  const names = charts.map(({ name, version, via }) => `${name} ${version}${by(via)}`).join(', ');
  const summary = `${count(images.length, 'image')}${names === '' ? '' : ` in ${names}`}`;
  return rows.length === 0 ? summary : `${table(['IMAGE', 'NEED', 'CONFIDENCE', 'FOUND IN'], rows)}\n\n${summary}`;
}

/** What workloads fetch besides images, as a table; a place a row. */
export function networkReport(network: ImagesResult['network']): string {
  if (network.length === 0) return 'nothing else is fetched from the internet, as far as the manifests show';
  const rows = network.map(({ url, kind, found }) => {
    const [first] = found;
    const more = found.length > 1 ? ` and ${found.length - 1} more` : '';
    const hook = first?.hook === undefined ? '' : ` (hook ${first.hook})`;
    return [
      kind,
      url,
      first === undefined ? '' : `${first.chart}: ${first.kind}/${first.name} ${first.path}${hook}${more}`,
    ];
  });
  return table(['FETCHED', 'ADDRESS', 'BY'], rows);
}

function placesOf({ found }: Finding): string {
  const [first] = found;
  if (first === undefined) return '';
  return `${placeText(first)}${found.length > 1 ? ` and ${found.length - 1} more` : ''}`;
}

function placeText({ kind, name, path, how }: Place): string {
  return how === 'added' ? 'added by name' : `${kind}/${name} ${path}`;
}

export function bundleReport({ status, path, size, blobs, fetched, resumed, lock }: BundleResult): string {
  const content = `${count(lock.charts.length, 'chart')}, ${count(lock.images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}`;
  if (status === 'up-to-date') return `${path} is up to date: ${content}`;
  const again = resumed > 0 ? `, ${formatBytes(resumed)} kept from an earlier run` : '';
  return `${path} written: ${content} (${formatBytes(fetched)} fetched${again})`;
}

export function inspectReport({ file, size, blobs, charts, images, lock }: Inspection): string {
  const parts = [`${file}: ${formatBytes(size)}, ${count(blobs, 'blob')}`];
  if (charts.length > 0) {
    const sources = new Map(lock?.charts.map(({ name, version, source }) => [`${name} ${version}`, source]));
    const rows = charts.map(({ name, version, digest }) => [
      name,
      version,
      shortDigest(digest),
      sources.get(`${name} ${version}`) ?? '',
    ]);
    parts.push(table(['CHART', 'VERSION', 'DIGEST', 'SOURCE'], rows));
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
  }
  return parts.join('\n\n');
}

export function verifyReport({ file, size, blobs, charts, images, problems }: Verification): string {
  if (problems.length === 0) {
    const content = `${count(charts.length, 'chart')}, ${count(images.length, 'image')}, ${count(blobs, 'blob')}, ${formatBytes(size)}`;
    return `${file} is complete and undamaged: ${content}`;
  }
  const lines = problems.map(
    ({ message, affects }) => `  - ${message}${affects.length > 0 ? ` (affects ${affects.join(', ')})` : ''}`,
  );
  return [`${file} is damaged:`, ...lines].join('\n');
}

export function pushReport({ images, charts, created, blobs, bytes }: PushResult): string {
  const rows = [...charts, ...images].map(({ target, digest, status }) => {
    const { digest: _, ...tagged } = target;
    return [formatReference(tagged), shortDigest(digest), status];
  });
  const repositories =
    created.length > 0
      ? `${`${created.length} new ECR ${created.length === 1 ? 'repository' : 'repositories'}`}, `
      : '';
  const moved = `${blobs.stored} blobs sent (${formatBytes(bytes)}), ${blobs.mounted} mounted, ${blobs.present} already there`;
  return `${table(['PUSHED', 'DIGEST', 'STATUS'], rows)}\n\n${repositories}${count(images.length, 'image')}, ${count(charts.length, 'chart')}: ${moved}`;
}

/** What the proof found, for stderr beside the overrides. */
export function proofReport({ chart, version, proof, notInBundle }: Overrides): string {
  const lines = [
    `${chart} ${version}: ${proof.rewritten} of ${count(proof.references, 'reference')} private, proved by rendering`,
  ];
  for (const { reference, template, path, written } of proof.residue) {
    lines.push(
      `  still public: ${reference}`,
      `    ${template} ${path}${written === reference ? '' : ` has ${written}`}`,
    );
  }
  for (const reference of notInBundle) lines.push(`  not in the bundle: ${reference}`);
  return lines.join('\n');
}
