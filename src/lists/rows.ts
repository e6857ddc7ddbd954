import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { trimTrailing } from '../base/text-trim.ts';
import { isDigest } from '../oci/digest.ts';
import { isAddress, type ListCollector } from './content.ts';

/** What the list around an entry says that it holds; undefined if it says nothing. */
export type ListKind = 'charts' | 'images' | undefined;

const FORMS = 'write name|version|repository for a chart, name|tag|registry or a whole reference for an image';

/**
 * Takes an entry that is one text. Its form says what it is: a row `name|version|repository` with an address (https:// or
 * oci://, in any place) is a chart, as is an oci:// address; a row without one, or a reference, is an image, unless the
 * list is one of charts.
 */
export function takeEntry(entry: string, kind: ListKind, line: number, collector: ListCollector): void {
  const text = entry.trim();
  if (text === '') return;
  if (text.includes('|')) takeRow(text, kind, line, collector);
  else if (/^oci:\/\//i.test(text)) collector.chart(splitOciAddress(text), line);
  else if (isAddress(text)) collector.problem(line, `${quoted(text)} is an address, not a reference`, FORMS);
  else if (kind === 'charts') takeChartPath(text, line, collector);
  else collector.image(text, line);
}

/** Returns the address of a chart in a repository: Helm pulls `oci://REPOSITORY/NAME`. */
export function chartInRepository(name: string, repo: string): { readonly chart: string; readonly repo?: string } {
  return /^oci:\/\//i.test(repo) ? { chart: `${trimTrailing(repo, '/')}/${name}` } : { chart: name, repo };
}

function takeRow(row: string, kind: ListKind, line: number, collector: ListCollector): void {
  const fields = row.split('|').map((field) => field.trim());
  while (fields.at(-1) === '') fields.pop();
  const address = fields.findIndex(isAddress);
  if (address >= 0) {
    const [name = '', version, ...more] = fields.toSpliced(address, 1);
    if (more.length > 0 || name === '') {
      collector.problem(line, `the row ${quoted(row)} has ${fields.length} fields`, FORMS);
    } else collector.chart({ ...chartInRepository(name, fields[address] ?? ''), version: version || undefined }, line);
    return;
  }
  const path = fields.find(isPath);
  if (kind === 'charts' && path !== undefined) {
    collector.chart({ path, version: fields.find((field) => field !== path && /^v?\d/.test(field)) }, line);
  } else if (kind === 'charts') {
    collector.problem(line, `the row ${quoted(row)} names no repository of the chart`, FORMS);
  } else takeImageRow(fields, row, kind, line, collector);
}

/** Takes `repository|tag`, `name|tag|registry`, and a whole reference with further fields. */
function takeImageRow(
  fields: readonly string[],
  row: string,
  kind: ListKind,
  line: number,
  collector: ListCollector,
): void {
  const [name = '', tag = '', registry, ...more] = fields;
  if (hasTagOrDigest(name)) {
    const platforms = fields.slice(1).filter((field) => /^(?:linux|windows)\/[a-z0-9]+(?:\/[a-z0-9]+)?$/.test(field));
    const others = fields.slice(1).filter((field) => field !== '' && !platforms.includes(field));
    collector.image(name, line, platforms);
    if (others.length > 0) collector.leave(line, `${quoted(others.join('|'))}, which follows the image in its row`);
    return;
  }
  const isVersion = isDigest(tag) || isName('tag', tag);
  const hasRegistry = registry !== undefined && /[.:]|^localhost(?:\/|$)/.test(registry);
  // Two plain words may as well be a chart and its version.
  const isImage =
    isVersion && more.length === 0 && (registry === undefined ? kind === 'images' || name.includes('/') : hasRegistry);
  if (!isImage) {
    collector.problem(line, `the row ${quoted(row)} is neither a chart nor an image`, FORMS);
    return;
  }
  const repository = registry === undefined ? name : `${trimTrailing(registry, '/')}/${name}`;
  collector.image(`${repository}${isDigest(tag) ? '@' : ':'}${tag}`, line);
}

/** Reports whether a name is followed by a tag or digest. */
export function hasTagOrDigest(name: string): boolean {
  return name.lastIndexOf(':') > name.lastIndexOf('/') || name.includes('@');
}

function takeChartPath(text: string, line: number, collector: ListCollector): void {
  if (isPath(text) || text.includes('/')) collector.chart({ path: text }, line);
  else collector.problem(line, `${quoted(text)} names no repository of the chart`, FORMS);
}

function isPath(text: string): boolean {
  return /^\.{0,2}\/|\.tgz$/.test(text);
}

/** Splits `oci://REPOSITORY/NAME:VERSION`. */
function splitOciAddress(text: string): { readonly chart: string; readonly version?: string } {
  const colon = text.lastIndexOf(':');
  if (text.includes('@') || colon <= text.lastIndexOf('/')) return { chart: text };
  // A tag cannot have the plus sign of a version, which Helm writes as an underscore.
  return { chart: text.slice(0, colon), version: text.slice(colon + 1).replaceAll('_', '+') };
}
