import { isDeepStrictEqual } from 'node:util';
import { Document, isMap, isPair, isScalar, isSeq, type Node } from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import { printableLine } from '../../base/printable.ts';
import { documentText, YAML_1_1 } from '../../base/yaml-text.ts';
import type { ImportResult } from '../../workflows/import/import.ts';
import type { Placed } from '../../workflows/import/imported-config.ts';
import { parseConfig } from './read.ts';

/** What is in a configuration file that `import` writes. */
const KEYS = ['charts', 'images', 'kustomize', 'manifests', 'from', 'to', 'logins', 'platforms'] as const;
/** Keys whose entries have a place. */
const PLACED = KEYS.filter((key) => key !== 'platforms');

/**
 * Formats an `airgap.yaml` with the place of each entry in a comment, and reads it back.
 * @param head lines of the comment before all others
 * @throws AirgapError `unexpected` if the reader finds anything else in it
 */
export function configText({ lists, config, notTaken }: ImportResult, head: readonly string[] = []): string {
  const { platforms, naming, ...placed } = config;
  const content = {
    charts: placed.charts.map(({ value }) => value),
    images: placed.images.map(({ value }) => value),
    kustomize: placed.kustomize.map(({ value }) => value),
    manifests: placed.manifests.map(({ value }) => value),
    from: placed.from.map(({ value }) => value),
    to: placed.to.map(({ value }) => value),
    logins: placed.logins.map(({ value }) => value),
    platforms,
  };
  const present: [string, unknown][] = KEYS.filter((key) => content[key].length > 0).map((key) => [
    key,
    // Logins are references to variables.
    key === 'logins' ? content[key] : escapeVariables(content[key]),
  ]);
  if (naming !== undefined) present.push(['naming', naming]);
  const document = new Document(
    { apiVersion: 'airgap/v1', kind: 'Config', ...Object.fromEntries(present) },
    { ...YAML_1_1, aliasDuplicateObjects: false },
  );
  for (const key of PLACED) comment(document, key, placed[key]);
  const files = lists.map(({ file, format }) => `${file} (${format})`).join(', ');
  document.commentBefore = commentText([...head, `From ${files}, by helm airgap import.`]);
  if (notTaken.length > 0) {
    const lines = notTaken.map(({ what, place: { file, line } }) => `  ${file}:${line}: ${what}`);
    document.comment = commentText(['Not taken:', ...lines]);
  }
  const text = documentText(document);
  const read = parseConfig(text);
  // Without the fields that the schema fills in.
  const from = read.from.map(({ registry, repositories }) => ({
    registry,
    ...(repositories.length > 0 && { repositories }),
  }));
  const found = { ...read, from };
  const isSame =
    KEYS.every((key) => isDeepStrictEqual(found[key], content[key])) && isDeepStrictEqual(read.naming, naming);
  if (!isSame)
    throw new AirgapError('unexpected', 'the configuration file reads differently from what was to be written');
  return text;
}

/** Adds the places of the entries of a list. */
function comment(document: Document, key: string, entries: readonly Placed<unknown>[]): void {
  const list = document.get(key, true);
  if (!isSeq(list)) return;
  for (const [i, item] of list.items.entries()) {
    const place = entries[i]?.place;
    if (place === undefined) continue;
    const node = isMap(item) ? firstValue(item.items[0]) : isScalar(item) ? item : undefined;
    if (node !== undefined) node.comment = commentText([`from ${place.file}:${place.line}`]);
  }
}

function firstValue(pair: unknown): Node | undefined {
  return isPair(pair) && isScalar(pair.value) ? pair.value : undefined;
}

/** Formats lines as the comment of a node. */
export function commentText(lines: readonly string[]): string {
  return lines.map((line) => ` ${printableLine(line)}`).join('\n');
}

/** Doubles the dollar sign before `{NAME}`, which the reader would replace. */
export function escapeVariables<T>(value: T): T {
  const text = JSON.stringify(value, (_, field: unknown) =>
    typeof field === 'string' ? field.replace(/\$\{(?=[A-Za-z_][A-Za-z0-9_]*\})/g, '$$$${') : field,
  );
  return JSON.parse(text) as T;
}
