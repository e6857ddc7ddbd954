import { Document, isCollection, isMap, isScalar, type Pair, type Scalar } from 'yaml';
import { printableLine } from '../base/printable.ts';
import { documentText } from '../base/yaml-text.ts';
import type { Values } from '../helm/render.ts';
import { formatPath, type LeafPath, overlay } from '../influence/leaves.ts';
import { fillLeaf, type Slot } from '../influence/slots.ts';
import type { Recipe } from './recipe.ts';
import type { Derivation } from './settle.ts';

/** Helm and Kubernetes read YAML 1.1, where `on`, `no` and `0o17` are no strings unless they stand in quotes. */
export const YAML = { compat: 'yaml-1.1' } as const;

/** One values leaf that an override sets. */
export interface Setting {
  readonly path: LeafPath;
  readonly value: unknown;
  /** Why: the references it moves, or that it is a switch. */
  readonly comment: string;
}

/** The settings that a derivation and the recipe's switches come to, in the order of their paths. */
export function settingsOf({ assignment, moves }: Derivation, { switches }: Pick<Recipe, 'switches'>): Setting[] {
  const byLeaf = Map.groupBy(assignment, ([slot]) => slot.leaf);
  const names = [...byLeaf].map(([leaf, slots]) => ({
    path: leaf.path,
    value: fillLeaf(
      leaf,
      slots.map(([slot, text]) => ({ slot, text })),
    ),
    comment: listed(slots.flatMap(([slot]: [Slot, string]) => (moves.get(slot) ?? []).map(({ written }) => written))),
  }));
  const unlocking = switches.map((path) => ({
    path,
    value: true,
    comment: 'without this the chart refuses images from another registry',
  }));
  return [...names, ...unlocking].sort((a, b) => compare(formatPath(a.path), formatPath(b.path)));
}

/** The settings as one values tree, lists whole. */
export function valuesOf(base: Values, settings: readonly Setting[]): Values {
  return overlay(base, settings);
}

/** The overrides as YAML for `helm -f`, each leaf with the references that it moves. Equal input gives equal bytes. */
export function formatOverrides(header: readonly string[], base: Values, settings: readonly Setting[]): string {
  const document = new Document(valuesOf(base, settings), YAML);
  document.commentBefore = header.map(commentLine).join('\n');
  for (const { path, comment } of settings) {
    // A comment stands before the key; inside a list, before the list's key, since the list is overridden whole.
    const end = path.findIndex((key) => typeof key === 'number');
    const keys = end < 0 ? path : path.slice(0, end);
    const parent = document.getIn(keys.slice(0, -1), true) ?? document.contents;
    const pair = isMap(parent) ? parent.items.find((item) => keyOf(item) === keys.at(-1)) : undefined;
    if (pair === undefined || !isScalar(pair.key)) continue;
    const key = pair.key as Scalar;
    const lines = new Set([...(key.commentBefore?.split('\n') ?? []), ...comment.split('\n').map(commentLine)]);
    key.commentBefore = [...lines].join('\n');
  }
  if (isCollection(document.contents) && document.contents.items.length === 0) document.contents.flow = true;
  return documentText(document);
}

/** Stays one line for every reader: Go's YAML takes NEL, LS and PS for line breaks too, and what follows one for content. */
function commentLine(line: string): string {
  return ` ${printableLine(line)}`;
}

function keyOf({ key }: Pair): unknown {
  return isScalar(key) ? key.value : key;
}

function listed(references: readonly string[]): string {
  const sorted = [...new Set(references)].sort(compare);
  const shown = sorted.slice(0, 6);
  return [...shown, ...(sorted.length > shown.length ? [`and ${sorted.length - shown.length} more`] : [])].join('\n');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
