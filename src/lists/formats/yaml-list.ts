import { quoted } from '../../base/printable.ts';
import { trimTrailing } from '../../base/text-trim.ts';
import { isDigest } from '../../oci/digest.ts';
import { isAddress, type ListCollector } from '../content.ts';
import { type Located, type LocatedMap, lineAt, textAt } from '../located-yaml.ts';
import { chartInRepository, hasTagOrDigest, type ListKind, takeEntry } from '../rows.ts';

/** Keys of entries, in the spellings that people use. */
const REPO = [
  'repo',
  'repoURL',
  'repoUrl',
  'repo_url',
  'repositoryURL',
  'repository_url',
  'url',
  'repository',
  'helmRepo',
];
const VERSION = ['version', 'chartVersion', 'chart_version', 'targetRevision'];
const CHART = ['chart', 'chartName', 'chart_name', 'name'];

/**
 * Reads lists of references, of rows and of mappings, at any depth of mappings whose keys may say what a list holds
 * (`charts`, `images`).
 */
export function readYamlList(documents: readonly Located[], collector: ListCollector): void {
  for (const document of documents) readValue(document, undefined, undefined, collector);
}

/** @param key of the mapping that holds the value */
function readValue(value: Located, key: string | undefined, kind: ListKind, collector: ListCollector): void {
  if (value.kind === 'list') {
    for (const item of value.items) readItem(item, key, kind, collector);
  } else if (value.kind === 'map') {
    if (key !== undefined && isEntry(value, kind)) takeMapping(value, key, kind, collector);
    else for (const [name, child] of value.entries) readValue(child, name, kindOf(name) ?? kind, collector);
  } else if (value.text === '') return;
  else if (kind === undefined) collector.leave(value.line, `${quoted(key ?? '')}, which is no list`);
  else takeEntry(value.text, kind, value.line, collector);
}

function readItem(item: Located, key: string | undefined, kind: ListKind, collector: ListCollector): void {
  if (item.kind === 'text') takeEntry(item.text, kind, item.line, collector);
  else if (item.kind === 'list') readValue(item, key, kind, collector);
  else if (isEntry(item, kind)) takeMapping(item, undefined, kind, collector);
  else if ([...item.entries.values()].some(({ kind }) => kind !== 'text')) readValue(item, undefined, kind, collector);
  else {
    collector.problem(
      item.line,
      'the entry is neither a chart nor an image',
      'a chart has name, version and repo; an image has image, or repository and tag',
    );
  }
}

/** Returns what the name of a list says that it holds. */
function kindOf(name: string): ListKind {
  const [, word] = /(chart|image)s?(?:list)?$/i.exec(name) ?? [];
  return word === undefined ? undefined : word.toLowerCase() === 'chart' ? 'charts' : 'images';
}

function isEntry(map: LocatedMap, kind: ListKind): boolean {
  const has = (key: string): boolean => textAt(map, key) !== undefined;
  if (has('image') || has('repository') || has('reference') || has('ref')) return true;
  if (has('chart')) return true;
  return (
    (has('name') || has('chartName')) &&
    (kind !== undefined || REPO.some(has) || VERSION.some(has) || has('tag') || has('digest'))
  );
}

/** @param key of the mapping, which is its name if it has none: `nginx: {tag: 1.25}` */
function takeMapping(map: LocatedMap, key: string | undefined, kind: ListKind, collector: ListCollector): void {
  const hasRepo = REPO.some((name) => isAddress(textAt(map, name) ?? ''));
  const isChart = kind === 'charts' || (kind === undefined && (hasRepo || textAt(map, 'chart') !== undefined));
  if (isChart) takeChart(map, key, collector);
  else takeImage(map, key, collector);
}

function takeChart(map: LocatedMap, key: string | undefined, collector: ListCollector): void {
  const first = (keys: readonly string[]): string | undefined =>
    keys.map((name) => textAt(map, name)).find((text) => text !== undefined);
  const repo = REPO.map((name) => textAt(map, name)).find((text) => text !== undefined && isAddress(text));
  const version = first(VERSION);
  const name = first(CHART) ?? key ?? '';
  const values = ['valuesFile', 'values'].flatMap((field) => textAt(map, field) ?? []);
  const details = {
    version,
    releaseName: first(['releaseName', 'release']),
    namespace: textAt(map, 'namespace'),
    values,
  };
  if (/^oci:\/\//i.test(name)) collector.chart({ ...details, chart: name }, map.line);
  else if (repo !== undefined) collector.chart({ ...details, ...chartInRepository(name, repo) }, map.line);
  else {
    const path = textAt(map, 'path') ?? (/^\.{0,2}\/|\.tgz$/.test(name) ? name : undefined);
    if (path !== undefined) collector.chart({ ...details, path, version: undefined }, map.line);
    else
      collector.problem(
        map.line,
        `the chart ${quoted(name)} has no repository`,
        'write repo: https://... or oci://..., or path',
      );
  }
}

/** Takes `image`, `repository` or `name`, with `registry`, `tag` and `digest`. `newName` and `newTag` are kustomize's. */
function takeImage(map: LocatedMap, key: string | undefined, collector: ListCollector): void {
  const at = (...keys: readonly string[]): string | undefined =>
    keys.map((name) => textAt(map, name)).find((text) => text !== undefined);
  const name = at('reference', 'ref', 'newName', 'repository', 'repo', 'image', 'name') ?? key ?? '';
  const rest = at('image', 'name');
  const registry = at('registry');
  const tag = at('newTag', 'tag', 'version');
  const digest = at('digest');
  const whole = [
    registry === undefined ? '' : `${trimTrailing(registry, '/')}/`,
    // `repository: quay.io/team` and `image: app`, where the first is a folder.
    name !== rest && rest !== undefined && textAt(map, 'repository') !== undefined && textAt(map, 'image') !== undefined
      ? `${trimTrailing(name, '/')}/${rest}`
      : name,
    tag === undefined || hasTagOrDigest(name) ? '' : `:${tag}`,
    digest === undefined || name.includes('@') ? '' : `@${digest}`,
  ].join('');
  if (digest !== undefined && !isDigest(digest)) {
    collector.problem(lineAt(map, 'digest'), `${quoted(digest)} is not a digest`, 'write digest: sha256:...');
    return;
  }
  const platform = at('platform');
  const line = ['image', 'repository', 'name']
    .map((field) => map.entries.get(field)?.line)
    .find((one) => one !== undefined);
  collector.image(whole, line ?? map.line, platform === undefined ? [] : [platform]);
}
