import { count, firstOf } from '../../base/count.ts';
import type { Finding, Location } from '../../inventory/finding.ts';
import type { SelectionRecord } from '../../inventory/selection-record.ts';
import type { Confirmation } from '../../workflows/images/confirm.ts';
import type { ImagesResult } from '../../workflows/images/images.ts';
import { listedImagesText } from './image-counts.ts';
import { notKnownLines } from './not-known.ts';
import type { Report, Table } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum number of names in a line; JSON and YAML have all. */
const MAX_NAMES = 5;

/** Formats the images that charts and manifests need. Notes: a summary, and what was left out. */
export function imagesReport({
  charts,
  manifests = [],
  images,
  choices,
  counts,
  notKnown,
}: Pick<ImagesResult, 'charts' | 'manifests' | 'images' | 'choices' | 'counts' | 'notKnown'>): Report {
  const rows = images.map((finding) => [
    finding.reference,
    finding.need,
    confidenceOf(finding),
    locationSummary(finding),
  ]);
  const summary = listedImagesText(counts, sourcesText(charts, manifests));
  const result = tableOf(['IMAGE', 'NEED', 'CONFIDENCE', 'FOUND IN'], rows);
  return { result, notes: [joinLines([summary, ...choices.flatMap(selectionText), ...notKnownLines(notKnown)])] };
}

function sourcesText(charts: ImagesResult['charts'], manifests: readonly string[]): string {
  if (charts.length + manifests.length === 0) return '';
  const namedCharts = charts.filter(({ via }) => via === undefined).map(({ name, version }) => `${name} ${version}`);
  const nested = charts.length - namedCharts.length;
  const named = [...namedCharts, ...manifests];
  const nestedText = nested === 0 ? '' : ` with ${count(nested, 'nested chart')}`;
  const all = named.length > MAX_NAMES || nested > 0 ? ' (-o json lists all)' : '';
  return ` in ${firstOf(named, MAX_NAMES)}${nestedText}${all}`;
}

/** Returns a table, or nothing if it has no rows. */
function tableOf(head: Table['head'], rows: Table['rows']): Table[] {
  return rows.length === 0 ? [] : [{ head, rows }];
}

/** Says where the names are that {@link firstOf} leaves out. */
function seeAll(names: readonly string[]): string {
  return names.length > MAX_NAMES ? ' (-o json lists all)' : '';
}

function confidenceOf({ confidence, confirmed }: Finding): string {
  if (confirmed === undefined) return confidence;
  return `${confidence}, ${confirmed ? 'in registry' : 'not confirmed'}`;
}

/** Formats what registries do not have: images that are missing, and guesses that are no images. */
export function absentReport({ missing, dropped }: Pick<Confirmation, 'missing' | 'dropped'>): Report {
  if (missing.length + dropped.length === 0) return { result: [], notes: ['no registry reports an image as missing'] };
  const rowOf = ({ reference, found, why }: Confirmation['dropped'][number]): string[] => [
    reference,
    why,
    locationSummary({ found }),
  ];
  return {
    result: [
      ...(missing.length === 0 ? [] : tableOf(['MISSING', 'REASON', 'FOUND IN'], missing.map(rowOf))),
      ...(dropped.length === 0 ? [] : tableOf(['NO IMAGE', 'REASON', 'FOUND IN'], dropped.map(rowOf))),
    ],
    notes: [],
  };
}

/** Returns a line on the charts and images that a rule left out. */
function selectionText({ rule, pattern, reason, charts = [], references }: SelectionRecord): string[] {
  if (rule === 'include' || references.length + charts.length === 0) return [];
  const why = reason === undefined ? '' : ` (${reason})`;
  const names = [...charts, ...references];
  const flag = `--${rule}${pattern === undefined ? '' : ` ${pattern}`}`;
  return [`left out by ${flag}${why}: ${firstOf(names, MAX_NAMES)}${seeAll(names)}`];
}

/** Formats the images that optional components would add, with the values that enable them. */
export function whatIfReport(additions: NonNullable<ImagesResult['whatIf']>): Report {
  if (additions.length === 0) return { result: [], notes: ['no optional component would add an image'] };
  const rows = additions.map((finding) => [
    finding.reference,
    finding.switches.length === 0 ? 'several values together' : finding.switches.join(', '),
    locationSummary(finding),
  ]);
  return { result: tableOf(['WOULD ADD', 'ENABLED BY', 'FOUND IN'], rows), notes: [] };
}

/** Formats what workloads fetch from the internet besides images. */
export function networkReport(network: ImagesResult['network']): Report {
  if (network.length === 0) {
    return { result: [], notes: ['no other download from the internet found in the manifests'] };
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
  return { result: tableOf(['DOWNLOAD', 'ADDRESS', 'DISABLED BY', 'FOUND IN'], rows), notes: [] };
}

function locationSummary({ found }: Pick<Finding, 'found'>): string {
  const [first] = found;
  if (first === undefined) return '';
  return `${locationText(first)}${found.length > 1 ? ` and ${found.length - 1} more` : ''}`;
}

/** Describes a location of a reference, for a table. */
export function locationText({ chart, kind, name, path, how, pod, imageStream }: Location): string {
  if (pod !== undefined) return `Pod ${pod.namespace}/${name}/${pod.container}`;
  if (imageStream !== undefined) return `ImageStream ${imageStream.namespace}/${name}:${imageStream.tag}`;
  // A lock file records which chart needs an image, but not the location.
  if (how === 'added') return chart === '' ? 'added by name' : 'listed in the lock file';
  return `${kind}/${name} ${path}`;
}
