import { formatPath } from '../../base/field-path.ts';
import { compareText } from '../../base/text-order.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import type { RecipeSolution } from '../../recipe/solve-recipe.ts';
import type { LeafPath } from '../../value-tracing/leaves.ts';
import { fillLeaf, type NameSegment } from '../../value-tracing/name-segments.ts';

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
  return mergeSettings(nameSettings, switchSettings);
}

/** Returns the setting of a leaf. */
export function settingAt(settings: readonly Setting[], path: LeafPath): Setting | undefined {
  const key = formatPath(path);
  return settings.find((setting) => formatPath(setting.path) === key);
}

/** Merges lists of settings, sorted by path. A setting replaces those of earlier lists for the same leaf. */
export function mergeSettings(...lists: readonly (readonly Setting[])[]): Setting[] {
  const byPath = new Map(lists.flat().map((setting) => [formatPath(setting.path), setting]));
  return [...byPath].sort(([a], [b]) => compareText(a, b)).map(([, setting]) => setting);
}

function referenceComment(references: readonly string[]): string {
  const sorted = [...new Set(references)].sort(compareText);
  const shown = sorted.slice(0, 6);
  return [...shown, ...(sorted.length > shown.length ? [`and ${sorted.length - shown.length} more`] : [])].join('\n');
}
