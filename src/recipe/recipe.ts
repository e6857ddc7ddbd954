import { formatPath } from '../base/field-path.ts';
import type { Render } from '../helm/render.ts';
import type { TemplateSource } from '../helm/subcharts.ts';
import type { Location } from '../inventory/finding.ts';
import type { Target } from '../naming/naming.ts';
import { tryParseReference, withoutScheme } from '../oci/reference.ts';
import { type Leaf, leavesOf } from '../value-tracing/leaves.ts';
import {
  emptySegment,
  type NameSegment,
  segmentPath,
  segmentsOf,
  wordSegment,
} from '../value-tracing/name-segments.ts';
import { buildsNothingElse, type Probe, probe, type RenderWith, referenceTemplatesOf } from '../value-tracing/probe.ts';
import type { TemplatePart } from '../value-tracing/reference-template.ts';
import { emptyLeaves, isGlobal } from '../value-tracing/values-nodes.ts';
import { evaluate } from './solve.ts';
import { isOfRecipe, type LocationTemplates, type RecipeSolution, solveRecipe } from './solve-recipe.ts';
import { createSwitchingRenderer, type SwitchingRenderer } from './switching-renderer.ts';

/** Describes how values build the references of one render. It does not depend on the target. */
export interface Recipe extends LocationTemplates {
  /** Paths of leaves whose markers the chart refused. */
  readonly refused: readonly string[];
  /** Switches that the chart requires before it accepts other images. */
  readonly switches: readonly (readonly string[])[];
}

/** Input for deriving a recipe. */
export interface RecipeOptions {
  readonly base: Render;
  /** Locations of references in the base render. */
  readonly locations: LocationTemplates['locations'];
  /** Target registry; it only decides how many empty leaves are probed. */
  readonly target: Target;
  readonly render: RenderWith;
  /** Template sources; read only if the values with content do not explain every reference. */
  readonly templates: () => Promise<readonly TemplateSource[]>;
  /** Uses only leaves that have a value, for edits of values files as they are. Default: false. */
  readonly keepsEmptyLeaves?: boolean;
  /** Paths of leaves to leave unchanged. */
  readonly excludedLeaves?: ReadonlySet<string>;
  /** Initial probe, if already done, of all leaves whose value occurs in a reference. */
  readonly initial?: InitialProbe;
}

/** Probe result, and the switches that it needed. */
export interface InitialProbe {
  readonly probed: Probe;
  readonly switchingRenderer: SwitchingRenderer;
}

/** Probes all leaves whose value occurs in a reference, and the segments that `extraSegments` adds. */
export async function probeReferences(
  base: Render,
  written: readonly string[],
  render: RenderWith,
  {
    isUsable = () => true,
    extraSegments = () => [],
  }: {
    isUsable?: (leaf: Leaf) => boolean;
    extraSegments?: (segments: readonly NameSegment[]) => readonly NameSegment[];
  } = {},
): Promise<InitialProbe> {
  const switchingRenderer = createSwitchingRenderer(render);
  const segments = leavesOf(base.values)
    .filter(isUsable)
    .flatMap((leaf) => segmentsOf(leaf, written));
  return {
    probed: await probe(base, [...segments, ...extraSegments(segments)], switchingRenderer.render),
    switchingRenderer,
  };
}

/**
 * Determines which values build which reference (docs/architecture.md, How overrides are derived). Leaves with a value
 * come first, unless an empty chart-wide registry leaf needs fewer settings. For locations that these do not explain,
 * it tries single words under unrelated keys, then empty leaves and leaves that only templates read: local before
 * global ones.
 */
export async function deriveRecipe(options: RecipeOptions): Promise<Recipe> {
  const { base, target, render, templates, excludedLeaves = new Set(), keepsEmptyLeaves = false } = options;
  const isUsable = ({ path }: Leaf): boolean => !excludedLeaves.has(formatPath(path));
  const locations = options.locations.filter((location) => isOfRecipe(location, target));
  const written = [...new Set(locations.map((location) => location.written))];
  const { probed, switchingRenderer } = options.initial ?? (await probeReferences(base, written, render, { isUsable }));
  let first = await faithfulTemplates(locations, base, probed, switchingRenderer.render);
  let later: readonly TemplatePart[][][] = first;
  const solution = solveRecipe({ locations, first, later }, target);
  let unsolved = solution.unsolved.length;
  const refused = new Set<NameSegment>();
  if (!keepsEmptyLeaves && unsolved === 0 && countLeaves(solution) > 1 && haveSameRegistry(locations)) {
    const globalRegistries = emptyLeaves(base.values, await templates()).filter(
      (leaf) => isUsable(leaf) && isGlobalRegistry(leaf),
    );
    const widerProbe =
      globalRegistries.length === 0
        ? undefined
        : await probe(base, [...probed.segments, ...globalRegistries.map(emptySegment)], switchingRenderer.render);
    const referenceTemplates = widerProbe === undefined ? first : referenceTemplatesOf(locations, base, widerProbe);
    const alternative = solveRecipe({ locations, first: referenceTemplates, later: referenceTemplates }, target);
    if (alternative.unsolved.length === 0 && countLeaves(alternative) < countLeaves(solution)) {
      first = referenceTemplates;
      later = referenceTemplates;
    }
  } else if (unsolved > 0) {
    const empty = keepsEmptyLeaves ? [] : emptyLeaves(base.values, await templates()).filter(isUsable);
    const wordSegments = await findWordSegments(base, probed, solution.unsolved, switchingRenderer.render, isUsable);
    const local = empty.filter((leaf) => !isGlobal(leaf)).map(emptySegment);
    const global = empty.filter(isGlobal).map(emptySegment);
    for (const candidates of [wordSegments, local, [...global, ...local], global]) {
      const newSegments = candidates.filter((segment) => !refused.has(segment));
      if (newSegments.length === 0 || unsolved === 0) continue;
      const widerProbe = await probe(base, [...probed.segments, ...newSegments], switchingRenderer.render);
      const accepted = new Set(widerProbe.segments);
      for (const segment of newSegments) if (!accepted.has(segment)) refused.add(segment);
      const referenceTemplates = referenceTemplatesOf(locations, base, widerProbe);
      const stillUnsolved = solveRecipe({ locations, first, later: referenceTemplates }, target).unsolved.length;
      // They explain why a reference does not move: they build one that stays too.
      const isExplained = stillUnsolved === unsolved && later === first && locations.some(({ stays }) => stays);
      if (stillUnsolved >= unsolved && !isExplained) continue;
      later = referenceTemplates;
      unsolved = stillUnsolved;
    }
  }
  return { locations, first, later, refused: [...refused].map(segmentPath), switches: switchingRenderer.switches() };
}

/** Reports whether a leaf is the registry of all images, which charts offer and leave empty. */
function isGlobalRegistry(leaf: Leaf): boolean {
  return isGlobal(leaf) && /registry$/i.test(String(leaf.path.at(-1)));
}

/** Reports whether all images have the same registry. Otherwise, no single registry value fits their target names. */
function haveSameRegistry(locations: readonly Location[]): boolean {
  return new Set(locations.map(({ written }) => tryParseReference(withoutScheme(written))?.registry)).size === 1;
}

/** Number of leaves that a solution sets. */
function countLeaves({ assignment }: RecipeSolution): number {
  return new Set([...assignment.keys()].map(({ leaf }) => leaf)).size;
}

/**
 * Reference templates built from leaves with a value. A marker can also flip a condition (`eq .flavor "posix"`), so
 * that the template prints something else. For those locations, a second probe without single-word leaves decides.
 */
async function faithfulTemplates(
  locations: readonly Location[],
  base: Render,
  probed: Probe,
  render: RenderWith,
): Promise<TemplatePart[][][]> {
  const first = referenceTemplatesOf(locations, base, probed);
  const isFaithful = (i: number, templates: readonly TemplatePart[][]): boolean =>
    templates.some((parts) => evaluate(parts, new Map()) === locations[i]?.written);
  const { segments } = probed;
  const nameSegments = segments.filter(({ hostFirst, components }) => hostFirst || components.length > 1);
  if (nameSegments.length === segments.length || first.every((templates, i) => isFaithful(i, templates))) return first;
  const second = referenceTemplatesOf(locations, base, await probe(base, nameSegments, render));
  return first.map((templates, i) =>
    isFaithful(i, templates) || !isFaithful(i, second[i] ?? []) ? templates : (second[i] ?? []),
  );
}

/**
 * Finds leaves that are single words under unrelated keys (`{name: nginx}`) and build only these locations. Such a word
 * is often a label as well, so they are probed only for locations that nothing else moves.
 */
async function findWordSegments(
  base: Render,
  probed: Probe,
  unsolved: readonly Location[],
  render: RenderWith,
  isUsable: (leaf: Leaf) => boolean,
): Promise<NameSegment[]> {
  const known = new Set(probed.segments.map(segmentPath));
  const written = unsolved.map((location) => location.written);
  const wordSegments = leavesOf(base.values).flatMap((leaf) => {
    const segment = isUsable(leaf) && !known.has(formatPath(leaf.path)) ? wordSegment(leaf, written) : undefined;
    return segment === undefined ? [] : [segment];
  });
  if (wordSegments.length === 0) return [];
  const widerProbe = await probe(base, [...probed.segments, ...wordSegments], render);
  const referenceTemplates = referenceTemplatesOf(unsolved, base, widerProbe);
  return wordSegments.filter((segment) => buildsNothingElse(segment, widerProbe, referenceTemplates));
}
