import type { Render } from '../helm/render.ts';
import type { LocatedReference, Location } from '../inventory/finding.ts';
import type { Target } from '../naming/naming.ts';
import type { RecipeSolution } from '../recipe/solve-recipe.ts';
import { type Change, changeKey } from '../value-tracing/changes.ts';
import { formatPath } from '../value-tracing/leaves.ts';
import { segmentPath } from '../value-tracing/name-segments.ts';
import type { Trial } from '../value-tracing/trial.ts';
import { addSettings, type ProvenOverrides, type TrialContext, trySettings } from './add-settings.ts';
import type { Setting } from './overrides-file.ts';
import { type PinLeaf, pinnedValue, referenceLeaves, tagLeaves } from './pin.ts';
import { isTagAddition, isTagLabel, type PendingTag, pendingTags, pendingTagsFor } from './tag-settings.ts';

/** References of a chart, and the target of the move. */
export interface RetagLocations {
  readonly target: Target;
  /** References without overrides, by render. */
  readonly before: readonly (readonly LocatedReference[])[];
  /** Returns the references in a render of the chart. */
  readonly referencesIn: (render: Render, variantIndex: number) => readonly LocatedReference[];
}

export interface RetagOptions extends TrialContext, RetagLocations {}

interface TagTrial extends Trial {
  readonly leaf: PinLeaf;
}

/** Number of tags tried on leaves that do not show which image their tag belongs to. */
const MAX_RANKS = 4;

/**
 * Changes tags for a target where all images share one repository: through the leaf of the tag, otherwise after a full
 * reference. A leaf is used only if it changes nothing but image tags, all in the same way, and version labels.
 * @param proved overrides that move repositories and keep tags
 */
export async function retag(
  proved: ProvenOverrides,
  { nondeterministicFields: knownFields, ...rest }: RetagOptions,
): Promise<ProvenOverrides> {
  const nondeterministicFields = async (): Promise<ReadonlySet<string>> =>
    new Set([...(await knownFields()), ...proved.renders.flatMap(checksumFields)]);
  const options: RetagOptions = { ...rest, nondeterministicFields };
  const sources = await options.templates();
  let state = proved;
  for (let rank = 0; rank < MAX_RANKS; rank++) {
    // Tags first: a leaf named version often has nothing to do with an image, and could spoil a valid tag leaf.
    for (const isTag of [true, false]) {
      const pending = pendingTagsIn(state, options);
      if (pending.length === 0) return state;
      const [{ values } = { values: {} }] = state.renders;
      const leaves = [
        ...tagLeaves(state.base, sources, namesOf(pending, 'source'), rank, ''),
        ...(rank > 0 ? [] : referenceLeaves(values, namesOf(pending, 'written'), '')),
      ];
      const selected = leaves.filter(({ path }) => /version$/i.test(String(path.at(-1))) !== isTag);
      state = await retagLeaves(state, selected, pending, options);
    }
  }
  return state;
}

function namesOf(pending: readonly PendingTag[], key: 'source' | 'written'): string[] {
  return pending.map((tag) => tag[key]);
}

/**
 * Drops settings that only move references whose tag is still pending. A partly moved reference exists nowhere, and no
 * longer shows which image it was.
 */
export function withoutPartialMoves(
  proved: ProvenOverrides,
  solutions: readonly Pick<RecipeSolution, 'moves'>[],
  options: RetagLocations,
): readonly Setting[] {
  const stillPending = pendingTagsIn(proved, options);
  const pending = new Set(
    stillPending.map(({ template, document, source }) => JSON.stringify([template, document, source])),
  );
  const isPending = ({ template, document, written }: Location): boolean =>
    pending.has(JSON.stringify([template, document, written]));
  const movesByPath = Map.groupBy(
    solutions.flatMap(({ moves }) => [...moves]),
    ([segment]) => segmentPath(segment),
  );
  return proved.settings.filter(({ path }) => {
    const references = movesByPath.get(formatPath(path))?.flatMap(([, locations]) => locations) ?? [];
    return references.length === 0 || !references.every(isPending);
  });
}

function pendingTagsIn({ renders }: ProvenOverrides, { target, before, referencesIn }: RetagLocations): PendingTag[] {
  return renders.flatMap((render, variantIndex) =>
    pendingTags(before[variantIndex] ?? [], referencesIn(render, variantIndex), target, variantIndex),
  );
}

async function retagLeaves(
  state: ProvenOverrides,
  leaves: readonly PinLeaf[],
  pending: readonly PendingTag[],
  options: RetagOptions,
): Promise<ProvenOverrides> {
  if (leaves.length === 0) return state;
  const trials = leaves.map((leaf, i): TagTrial => {
    // Same format as the tag suffix, so that version strings stay valid.
    const marker = `---a19t${i.toString(16).padStart(4, '0')}`;
    return { leaf, marker, path: leaf.path, value: leaf.pinned(() => marker) };
  });
  const markers = trials.map(({ marker }) => marker);
  const { passed } = await trySettings(state, options, trials, {
    judge: (_, change) => isAllowedChange(change, markers, pending),
  });
  const settings = [...passed].flatMap(([{ leaf, marker }, changes]): Setting[] => {
    const built = changes.flatMap((change) =>
      pendingTagsFor(change, pending).filter(({ tag }) => String(change.after).includes(tag + marker)),
    );
    const value = pinnedValue(leaf, (reference) => {
      const ownTags = built.filter(({ written }) => reference === undefined || written === reference);
      const [only, ...others] = new Set(ownTags.map(({ addition }) => addition));
      return others.length > 0 ? undefined : only;
    });
    if (value === undefined) return [];
    const before = state.settings.find(({ path }) => formatPath(path) === formatPath(leaf.path));
    const comment = before?.comment ?? [...new Set(built.map(({ source }) => `tag of ${source}`))].sort().join('\n');
    return [{ path: leaf.path, value, comment }];
  });
  const additions = [...new Set(pending.map(({ addition }) => addition))];
  return addSettings(state, options, settings, {
    allows: (change) => isAllowedChange(change, additions, pending),
  });
}

/**
 * Returns positions of checksum annotations, which restart pods after configuration changes; they depend on labels too.
 */
function checksumFields({ documents }: Render, render: number): string[] {
  return documents.flatMap(({ template, index, object }) => {
    const found: string[] = [];
    const walk = (value: unknown, path: readonly (string | number)[]): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, item] of Object.entries(value)) {
        const itemPath = [...path, Array.isArray(value) ? Number(key) : key];
        if (path.at(-1) === 'annotations' && key.startsWith('checksum/'))
          found.push(changeKey({ render, template, document: index, path: itemPath }));
        walk(item, itemPath);
      }
    };
    walk(object, []);
    return found;
  });
}

function isAllowedChange(change: Change, additions: readonly string[], pending: readonly PendingTag[]): boolean {
  return (
    isTagLabel(change, additions) || (isTagAddition(change, additions) && pendingTagsFor(change, pending).length > 0)
  );
}
