import type { Document } from 'yaml';
import { compareText } from '../../base/text-order.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { documentText } from '../../base/yaml-text.ts';
import type { Values } from '../../helm/render.ts';
import { formatPath, type LeafPath, valueAt } from '../../value-tracing/leaves.ts';
import type { Setting } from '../overrides-file.ts';
import { mergeValues } from './host-manifest.ts';

/** Chart that an entry of a parent chart's values installs, with its overrides. */
export interface ChartEntry {
  /** Keys of the entry in the parent's values. */
  readonly keys: LeafPath;
  /** Keys of the entry's own fields. */
  readonly fields: Readonly<Record<'version' | 'repository' | 'values', string>>;
  readonly name: string;
  /** Version of the chart that was found; repositories also match a version without its `v`. */
  readonly version: string;
  /** Coalesced values, as the parent installs the chart. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
}

/**
 * Returns the parent's settings for an entry: repository, version and overrides. Existing values are not repeated,
 * because Helm merges the file over them; values given as text are one leaf and are written whole.
 * @param base coalesced values of the parent
 */
export function entrySettings(entry: ChartEntry, repository: string, base: Values): Setting[] {
  const { keys, fields, name, version, settings, overrides } = entry;
  const valuesPath = [...keys, fields.values];
  const current = valueAt(base, valuesPath);
  const valueSettings =
    typeof current === 'string'
      ? [
          {
            path: valuesPath,
            value: mergedYaml(current, overrides),
            comment: settings.map(({ comment }) => comment).join('\n'),
          },
        ]
      : settings.map((setting) => ({ ...setting, path: [...valuesPath, ...setting.path] }));
  return [
    { path: [...keys, fields.repository], value: repository, comment: `chart ${name} at the target` },
    { path: [...keys, fields.version], value: version, comment: 'chart version at the target' },
    ...(settings.length === 0 ? [] : valueSettings),
  ];
}

function mergedYaml(text: string, overrides: Values): string {
  const document = readYamlDocument(text) as Document;
  mergeValues(document, [], overrides);
  return documentText(document);
}

/**
 * Returns the parent's values with each child's values in its entry, because overrides replace a child's default lists
 * whole.
 */
export function withEntryValues(base: Values, entries: readonly ChartEntry[]): Values {
  const copy = structuredClone(base) as Record<string | number, unknown>;
  for (const { keys, fields, base: childValues } of entries) {
    const entry = valueAt(copy, keys) as Record<string, unknown>;
    if (typeof entry[fields.values] !== 'string') entry[fields.values] = structuredClone(childValues);
  }
  return copy;
}

/** Merges settings sorted by path; later ones replace earlier ones. */
export function mergeSettings(settings: readonly Setting[]): Setting[] {
  const byPath = new Map(settings.map((setting) => [formatPath(setting.path), setting]));
  return [...byPath].sort(([a], [b]) => compareText(a, b)).map(([, setting]) => setting);
}
