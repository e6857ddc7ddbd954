import { quoted } from '../../base/printable.ts';
import { isDigest } from '../../oci/digest.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { ListCollector } from '../content.ts';
import { type Located, type LocatedMap, lineAt, listAt, mapAt, textAt } from '../located-yaml.ts';

export function isImagesLock(document: Located): boolean {
  return document.kind === 'map' && textAt(document, 'kind') === 'ImagesLock';
}

/**
 * Reads an Images.lock of the Distribution Tooling for Helm. An image has a tag, and a digest for each platform. Both are
 * taken: the tag, which charts name, and each digest, so that the content of the lock arrives even if the tag has moved.
 * Where it has not, the digests are parts of the tag's index and take no further space.
 */
export function readImagesLock([document]: readonly Located[], collector: ListCollector): void {
  if (document?.kind !== 'map') return;
  const chart = mapAt(document, 'chart');
  const name = chart && textAt(chart, 'name');
  if (chart !== undefined && name !== undefined) {
    const version = textAt(chart, 'version') ?? '';
    collector.leave(chart.line, `the chart ${quoted(`${name} ${version}`.trim())}: the file does not say where it is`);
  }
  for (const image of listAt(document, 'images')) {
    const reference = image.kind === 'map' ? textAt(image, 'image') : undefined;
    if (image.kind === 'map' && reference !== undefined) readImage(image, reference, collector);
    else collector.problem(image.line, 'an image has no reference', 'write image: registry/repository:tag');
  }
}

function readImage(image: LocatedMap, reference: string, collector: ListCollector): void {
  const line = lineAt(image, 'image');
  const locked = listAt(image, 'digests').map((entry) => ({
    line: entry.line,
    digest: entry.kind === 'map' ? textAt(entry, 'digest') : undefined,
    platform: entry.kind === 'map' ? textAt(entry, 'arch') : undefined,
  }));
  const platforms = locked.flatMap(({ platform }) => platform ?? []);
  collector.image(reference, line, platforms);
  const parsed = tryParseReference(reference);
  if (parsed === undefined) return;
  const { tag: _, ...repository } = parsed;
  for (const { digest = '', line } of locked) {
    if (!isDigest(digest)) collector.problem(line, `${quoted(digest)} is not a digest`, 'write digest: sha256:...');
    else collector.image(formatReference({ ...repository, digest }), line, platforms);
  }
}
