import { quoted } from '../../base/printable.ts';
import { isDigest } from '../../oci/digest.ts';
import { tryParseRepository } from '../../oci/reference.ts';
import type { ListCollector } from '../content.ts';
import { type Located, type LocatedMap, mapAt } from '../located-yaml.ts';

const FIELDS = ['images', 'images-by-tag-regex', 'images-by-semver'] as const;

export function isSkopeoSync(document: Located): boolean {
  if (document.kind !== 'map' || document.entries.size === 0) return false;
  return [...document.entries].every(
    ([registry, entry]) =>
      (/[.:]/.test(registry) || registry === 'localhost') &&
      FIELDS.some((field) => mapAt(entry, field) !== undefined) &&
      tryParseRepository(`${registry}/x`) !== undefined,
  );
}

/**
 * Reads a file for `skopeo sync --src yaml` (skopeo-sync(1)): tags and digests by repository. What only a question to the
 * registry could resolve, `mirror --skopeo-sync` takes.
 */
export function readSkopeoSync([document]: readonly Located[], collector: ListCollector): void {
  if (document?.kind !== 'map') return;
  for (const [registry, entry] of document.entries) {
    if (entry.kind === 'map') readRegistry(registry, entry, collector);
  }
}

function readRegistry(registry: string, entry: LocatedMap, collector: ListCollector): void {
  for (const [name, references] of mapAt(entry, 'images')?.entries ?? []) {
    const repository = `${registry}/${name}`;
    if (references.kind !== 'list' || references.items.length === 0) {
      collector.leave(
        references.line,
        `all tags of ${quoted(repository)}: helm airgap mirror --skopeo-sync copies them`,
      );
      continue;
    }
    for (const { line, ...item } of references.items) {
      const text = item.kind === 'text' ? item.text : '';
      collector.image(`${repository}${isDigest(text) ? '@' : ':'}${text}`, line);
    }
  }
  for (const field of FIELDS.slice(1)) {
    for (const [name, { line }] of mapAt(entry, field)?.entries ?? []) {
      collector.leave(
        line,
        `${field} of ${quoted(`${registry}/${name}`)}: helm airgap mirror --skopeo-sync copies them`,
      );
    }
  }
}
