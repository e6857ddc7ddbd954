import { textBefore } from '../base/text-trim.ts';
import { hostComponent } from '../naming/naming-template.ts';
import { formatRepository, parseReference, tryParseReference } from '../oci/reference.ts';
import type { Inventory } from './inventory.ts';

/**
 * Returns the spelling of each repository in the charts, by `registry/path`: without tag and digest, with the host as a
 * path component. The most frequent spelling wins, then the first in alphabetical order. Repositories that are never
 * written in full are omitted.
 */
export function writtenNames({ images }: Pick<Inventory, 'images'>): ReadonlyMap<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const { reference, found } of images) {
    const repository = formatRepository(parseReference(reference));
    for (const { written } of found) {
      const name = written.replace(/^docker:\/\//, '');
      const parsed = tryParseReference(name);
      if (parsed === undefined || formatRepository(parsed) !== repository) continue;
      const path = writtenPath(name);
      const pathCounts = counts.get(repository) ?? new Map<string, number>();
      counts.set(repository, pathCounts.set(path, (pathCounts.get(path) ?? 0) + 1));
    }
  }
  return new Map([...counts].map(([repository, pathCounts]) => [repository, mostCommon(pathCounts)]));
}

function writtenPath(written: string): string {
  const name = textBefore(written, '@').replace(/:[^:/]*$/, '');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isHost ? `${hostComponent(first)}${name.slice(slash)}` : name;
}

function mostCommon(counts: ReadonlyMap<string, number>): string {
  const order = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return order[0]?.[0] ?? '';
}
