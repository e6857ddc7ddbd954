import type { Finding, Location } from '../../inventory/finding.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import type { Confirmation } from '../../workflows/images/confirm.ts';
import type { ImagesResult } from '../../workflows/images/images.ts';
import { listedImagesText } from './image-counts.ts';
import type { Report } from './report.ts';
import { joinLines, table } from './text.ts';

/** Formats the images that charts need. Notes: a summary, and what was left out. */
export function imagesReport({
  charts,
  images,
  choices,
  counts,
}: Pick<ImagesResult, 'charts' | 'images' | 'choices' | 'counts'>): Report {
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
  const result = rows.length === 0 ? '' : table(['IMAGE', 'NEED', 'CONFIDENCE', 'FOUND IN'], rows);
  return { result, notes: joinLines([listedImagesText(counts, titles), ...choices.flatMap(selectionText)]) };
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

/** Describes a location of a reference, for a table. */
export function locationText({ chart, kind, name, path, how }: Location): string {
  // A lock file records which chart needs an image, but not the location.
  if (how === 'added') return chart === '' ? 'added by name' : 'listed in the lock file';
  return `${kind}/${name} ${path}`;
}
