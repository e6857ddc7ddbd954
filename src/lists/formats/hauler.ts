import { quoted } from '../../base/printable.ts';
import type { ListCollector } from '../content.ts';
import { isAddress } from '../content.ts';
import { type Located, type LocatedMap, lineAt, listAt, mapAt, textAt } from '../located-yaml.ts';
import { chartInRepository } from '../rows.ts';

/** Annotations of a manifest that apply to its images: defaults of all of them. */
const [REGISTRY, PLATFORM] = ['hauler.dev/registry', 'hauler.dev/platform'] as const;

export function isHauler(document: Located): boolean {
  return document.kind === 'map' && /^[a-z]+\.hauler\.cattle\.io\//.test(textAt(document, 'apiVersion') ?? '');
}

/** Reads Hauler's manifests: documents of kind Images and Charts of `content.hauler.cattle.io`, of any version. */
export function readHauler(documents: readonly Located[], collector: ListCollector): void {
  for (const document of documents) {
    if (document.kind !== 'map') {
      if (document.kind === 'list' || document.text !== '')
        collector.problem(document.line, 'is not a manifest of Hauler');
      continue;
    }
    const kind = textAt(document, 'kind') ?? '';
    if (!isHauler(document)) {
      collector.leave(document.line, `a document of kind ${quoted(kind)}, which is not one of Hauler`);
      continue;
    }
    const spec = mapAt(document, 'spec');
    if (spec === undefined) continue;
    if (kind === 'Images') readImages(document, spec, collector);
    else if (kind === 'Charts') for (const chart of listAt(spec, 'charts')) readChart(chart, collector);
    else if (kind === 'Files') {
      for (const file of listAt(spec, 'files')) {
        const path = file.kind === 'map' ? textAt(file, 'path') : undefined;
        collector.leave(file.line, `the file ${quoted(path ?? '')}: bundles hold charts and images`);
      }
    } else collector.leave(document.line, `a document of kind ${quoted(kind)}`);
  }
}

function readImages(document: LocatedMap, spec: LocatedMap, collector: ListCollector): void {
  const annotations = mapAt(document, 'metadata', 'annotations');
  const registry = annotations && textAt(annotations, REGISTRY);
  const common = annotations && textAt(annotations, PLATFORM);
  for (const image of listAt(spec, 'images')) {
    const name = image.kind === 'map' ? textAt(image, 'name') : image.kind === 'text' ? image.text : undefined;
    if (name === undefined) {
      collector.problem(image.line, 'an image has no name', 'write name: registry/repository:tag');
      continue;
    }
    const platform = (image.kind === 'map' ? textAt(image, 'platform') : undefined) ?? common;
    collector.image(withRegistry(name, registry), image.line, platform === undefined ? [] : [platform]);
    if (image.kind !== 'map') continue;
    const rewrite = textAt(image, 'rewrite');
    if (rewrite !== undefined)
      collector.leave(lineAt(image, 'rewrite'), `rewrite: ${quoted(rewrite)}: use --naming-rule`);
    const key = ['key', 'certificate-identity', 'certificate-identity-regexp'].find((name) => textAt(image, name));
    if (key !== undefined) {
      collector.leave(
        lineAt(image, key),
        `${key} of ${quoted(name)}: signatures are carried, and checked where they are used`,
      );
    }
  }
}

/** The default registry is for names without one. */
function withRegistry(name: string, registry: string | undefined): string {
  const [first = ''] = name.split('/', 1);
  const hasRegistry = name.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return registry === undefined || hasRegistry ? name : `${registry}/${name}`;
}

function readChart(chart: Located, collector: ListCollector): void {
  const name = chart.kind === 'map' ? textAt(chart, 'name') : undefined;
  if (chart.kind !== 'map' || name === undefined) {
    collector.problem(chart.line, 'a chart has no name', 'write name, repoURL and version');
    return;
  }
  const repo = textAt(chart, 'repoURL');
  const version = textAt(chart, 'version');
  const values = listAt(chart, 'valuesFiles').flatMap((file) => (file.kind === 'text' ? file.text : []));
  const where =
    repo === undefined
      ? isAddress(name)
        ? { chart: name }
        : { path: name }
      : isAddress(repo)
        ? chartInRepository(name, repo)
        : { path: `${repo.replace(/\/$/, '')}/${name}` };
  collector.chart({ ...where, version, values }, chart.line);
  const rewrite = textAt(chart, 'rewrite');
  if (rewrite !== undefined)
    collector.leave(lineAt(chart, 'rewrite'), `rewrite: ${quoted(rewrite)}: use --chart-prefix`);
}
