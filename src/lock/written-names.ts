import { before } from '../base/text-ends.ts';
import { hostComponent } from '../oci/naming-template.ts';
import { formatRepository, parseReference, tryParseReference } from '../oci/reference.ts';
import type { Lock } from './lock.ts';

/**
 * Returns the spelling of each repository in the charts, by `registry/path`: without tag and digest, with the host as a
 * path component. The most frequent spelling wins, then the first in alphabetical order. Repositories that are never
 * written in full are omitted.
 */
export function writtenNames({ images }: Pick<Lock, 'images'>): ReadonlyMap<string, string> {
  const counts = new Map<string, Map<string, number>>();
  for (const { reference, found } of images) {
    const repository = formatRepository(parseReference(reference));
    for (const { written } of found) {
      const name = written.replace(/^docker:\/\//, '');
      const parsed = tryParseReference(name);
      if (parsed === undefined || formatRepository(parsed) !== repository) continue;
      const path = pathOf(name);
      const own = counts.get(repository) ?? new Map<string, number>();
      counts.set(repository, own.set(path, (own.get(path) ?? 0) + 1));
    }
  }
  return new Map([...counts].map(([repository, own]) => [repository, mostCommon(own)]));
}

function pathOf(written: string): string {
  const name = before(written, '@').replace(/:[^:/]*$/, '');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isHost ? `${hostComponent(first)}${name.slice(slash)}` : name;
}

function mostCommon(counts: ReadonlyMap<string, number>): string {
  const order = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return order[0]?.[0] ?? '';
}
