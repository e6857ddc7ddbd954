import type { Document } from 'yaml';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { documentText } from '../../base/yaml-text.ts';
import type { Values } from '../../helm/render.ts';
import { formatPath, type LeafPath, valueAt } from '../../influence/leaves.ts';
import type { Setting } from '../document.ts';
import { layOver } from './carrier.ts';

/** A chart that an entry of another chart's values has installed, with its overrides. */
export interface Entry {
  /** Keys of the entry in the parent's values. */
  readonly keys: LeafPath;
  /** Keys of the entry's own fields. */
  readonly fields: Readonly<Record<'version' | 'repository' | 'values', string>>;
  readonly name: string;
  /** Of the chart that was found, which a repository also gives for a version without its `v`. */
  readonly version: string;
  /** Its coalesced values, as the parent installs it. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
}

/**
 * What a parent's values file says about an entry: repository, version and overrides, and nothing of what stands there
 * already, since Helm lays the file over it. Values that are a text are one leaf, and stand there whole.
 * @param base coalesced values of the parent
 */
export function entrySettings(entry: Entry, repository: string, base: Values): Setting[] {
  const { keys, fields, name, version, settings, overrides } = entry;
  const place = [...keys, fields.values];
  const given = valueAt(base, place);
  const own =
    typeof given === 'string'
      ? [{ path: place, value: laidOver(given, overrides), comment: settings.map(({ comment }) => comment).join('\n') }]
      : settings.map((setting) => ({ ...setting, path: [...place, ...setting.path] }));
  return [
    { path: [...keys, fields.repository], value: repository, comment: `chart ${name}, where push put it` },
    { path: [...keys, fields.version], value: version, comment: 'as push tagged it' },
    ...(settings.length === 0 ? [] : own),
  ];
}

function laidOver(text: string, overrides: Values): string {
  const document = readYamlDocument(text) as Document;
  layOver(document, [], overrides);
  return documentText(document);
}

/** The parent's values with those of each child in its entry: lists are overridden whole, also those that are a child's default. */
export function withEntries(base: Values, entries: readonly Entry[]): Values {
  const copy = structuredClone(base) as Record<string | number, unknown>;
  for (const { keys, fields, base: own } of entries) {
    const entry = valueAt(copy, keys) as Record<string, unknown>;
    if (typeof entry[fields.values] !== 'string') entry[fields.values] = structuredClone(own);
  }
  return copy;
}

/** Settings put together, those that come later in place of earlier ones, in the order of their paths. */
export function united(settings: readonly Setting[]): Setting[] {
  const byPath = new Map(settings.map((setting) => [formatPath(setting.path), setting]));
  return [...byPath].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, setting]) => setting);
}
