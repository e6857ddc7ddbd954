import { Document, isCollection, isMap, isScalar, type Pair, type Scalar } from 'yaml';
import { printableLine } from '../base/printable.ts';
import { compareText } from '../base/text-order.ts';
import { documentText } from '../base/yaml-text.ts';
import type { Values } from '../helm/render.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { RecipeSolution } from '../recipe/solve-recipe.ts';
import { buildOverlay, formatPath, type LeafPath } from '../value-tracing/leaves.ts';
import { fillLeaf, type NameSegment } from '../value-tracing/name-segments.ts';

/** Helm and Kubernetes read YAML 1.1, where unquoted `on`, `no` and `0o17` are not strings. */
export const YAML_1_1 = { compat: 'yaml-1.1' } as const;

/** One values leaf that the overrides set. */
export interface Setting {
  readonly path: LeafPath;
  readonly value: unknown;
  /** Reason for the setting: the references that it moves, or the switch that it turns on. */
  readonly comment: string;
}

/** Returns the settings for a solved recipe and its switches, sorted by path. */
export function settingsOf({ assignment, moves }: RecipeSolution, { switches }: Pick<Recipe, 'switches'>): Setting[] {
  const byLeaf = Map.groupBy(assignment, ([segment]) => segment.leaf);
  const nameSettings = [...byLeaf].map(([leaf, segments]) => ({
    path: leaf.path,
    value: fillLeaf(
      leaf,
      segments.map(([segment, text]) => ({ segment, text })),
    ),
    comment: referenceComment(
      segments.flatMap(([segment]: [NameSegment, string]) => (moves.get(segment) ?? []).map(({ written }) => written)),
    ),
  }));
  const switchSettings = switches.map((path) => ({
    path,
    value: true,
    comment: 'the chart rejects images from other registries without this',
  }));
  return [...nameSettings, ...switchSettings].sort((a, b) => compareText(formatPath(a.path), formatPath(b.path)));
}

/** Returns the settings as one values tree; lists are complete because Helm replaces them whole. */
export function valuesOf(base: Values, settings: readonly Setting[]): Values {
  return buildOverlay(base, settings);
}

/**
 * Formats overrides as YAML for `helm -f`, each leaf commented with the references that it moves. Output is
 * deterministic.
 */
export function formatOverrides(header: readonly string[], base: Values, settings: readonly Setting[]): string {
  const document = new Document(valuesOf(base, settings), YAML_1_1);
  document.commentBefore = header.map(commentLine).join('\n');
  for (const { path, comment } of settings) {
    // Helm replaces lists whole, so a comment about an item goes before the list's key.
    const end = path.findIndex((key) => typeof key === 'number');
    const keys = end < 0 ? path : path.slice(0, end);
    const parent = document.getIn(keys.slice(0, -1), true) ?? document.contents;
    const pair = isMap(parent) ? parent.items.find((item) => keyValue(item) === keys.at(-1)) : undefined;
    if (pair === undefined || !isScalar(pair.key)) continue;
    const key = pair.key as Scalar;
    const lines = new Set([...(key.commentBefore?.split('\n') ?? []), ...comment.split('\n').map(commentLine)]);
    key.commentBefore = [...lines].join('\n');
  }
  if (isCollection(document.contents) && document.contents.items.length === 0) document.contents.flow = true;
  return documentText(document);
}

/** Keeps a comment on one line: Go's YAML also breaks lines at NEL, LS and PS, and would read the rest as content. */
function commentLine(line: string): string {
  return ` ${printableLine(line)}`;
}

function keyValue({ key }: Pair): unknown {
  return isScalar(key) ? key.value : key;
}

function referenceComment(references: readonly string[]): string {
  const sorted = [...new Set(references)].sort(compareText);
  const shown = sorted.slice(0, 6);
  return [...shown, ...(sorted.length > shown.length ? [`and ${sorted.length - shown.length} more`] : [])].join('\n');
}
