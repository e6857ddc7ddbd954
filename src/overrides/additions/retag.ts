import { formatPath, parseFieldPath } from '../../base/field-path.ts';
import type { Render } from '../../helm/render.ts';
import type { Location } from '../../inventory/finding.ts';
import { isTagChanged, isUnderTarget, type Target, targetReference } from '../../naming/naming.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { RecipeSolution } from '../../recipe/solve-recipe.ts';
import { type Change, changeKey } from '../../value-tracing/changes.ts';
import { segmentPath } from '../../value-tracing/name-segments.ts';
import type { Trial } from '../../value-tracing/trial.ts';
import { locationKey, type ReferenceLocation } from '../proof/proof.ts';
import { type Relocation, referencesIn, trialContext } from '../proof/relocation.ts';
import { addSettings, type ProvenOverrides, type TrialContext, trySettings } from '../settings/accepted-settings.ts';
import { type Setting, settingAt } from '../settings/setting.ts';
import { type PinLeaf, pinnedValue, referenceLeaves, tagLeaves } from './pin-leaves.ts';

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
export async function retag(relocation: Relocation, proved: ProvenOverrides): Promise<ProvenOverrides> {
  const context = trialContext(relocation, proved);
  const nondeterministicFields = async (): Promise<ReadonlySet<string>> =>
    new Set([...(await context.nondeterministicFields()), ...proved.renders.flatMap(checksumFields)]);
  const sources = await context.templates();
  let state = proved;
  for (let rank = 0; rank < MAX_RANKS; rank++) {
    // Tags first: a leaf named version often has nothing to do with an image, and could spoil a valid tag leaf.
    for (const isTag of [true, false]) {
      const pending = pendingTagsIn(relocation, state);
      if (pending.length === 0) return state;
      const [{ values } = { values: {} }] = state.renders;
      const leaves = [
        ...tagLeaves(state.base, sources, namesOf(pending, 'source'), rank, ''),
        ...(rank > 0 ? [] : referenceLeaves(values, namesOf(pending, 'written'), '')),
      ];
      const selected = leaves.filter(({ path }) => /version$/i.test(String(path.at(-1))) !== isTag);
      state = await retagLeaves(state, selected, pending, { ...context, nondeterministicFields });
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
  relocation: Relocation,
  proved: ProvenOverrides,
  solutions: readonly Pick<RecipeSolution, 'moves'>[],
): readonly Setting[] {
  const stillPending = pendingTagsIn(relocation, proved);
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

function pendingTagsIn(relocation: Relocation, { renders }: ProvenOverrides): PendingTag[] {
  return renders.flatMap((render, variantIndex) => {
    const before = relocation.variants[variantIndex]?.references ?? [];
    return pendingTags(before, referencesIn(relocation, render, variantIndex), relocation.target, variantIndex);
  });
}

async function retagLeaves(
  state: ProvenOverrides,
  leaves: readonly PinLeaf[],
  pending: readonly PendingTag[],
  context: TrialContext,
): Promise<ProvenOverrides> {
  if (leaves.length === 0) return state;
  const trials = leaves.map((leaf, i): TagTrial => {
    // Same format as the tag suffix, so that version strings stay valid.
    const marker = `---a19t${i.toString(16).padStart(4, '0')}`;
    return { leaf, marker, path: leaf.path, value: leaf.pinned(() => marker) };
  });
  const markers = trials.map(({ marker }) => marker);
  const { passed } = await trySettings(state, context, trials, {
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
    const before = settingAt(state.settings, leaf.path);
    const comment = before?.comment ?? [...new Set(built.map(({ source }) => `tag of ${source}`))].sort().join('\n');
    return [{ path: leaf.path, value, comment }];
  });
  const additions = [...new Set(pending.map(({ addition }) => addition))];
  return addSettings(state, context, settings, {
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

/** Location that has the target repository, but not yet the tag that push writes. */
export interface PendingTag {
  /** Index of the render. */
  readonly render: number;
  readonly template: string;
  readonly document: number;
  /** Fields that hold the reference. */
  readonly fields: readonly string[];
  /** Text with the overrides. */
  readonly written: string;
  /** Text without the overrides. */
  readonly source: string;
  readonly tag: string;
  /** Suffix that the tag lacks. */
  readonly addition: string;
}

/**
 * Returns the locations of a render that lack only the tag suffix added by the naming.
 * @param before references without overrides
 * @param after references with overrides that keep tags
 */
export function pendingTags(
  before: readonly ReferenceLocation[],
  after: readonly ReferenceLocation[],
  target: Target,
  render: number,
): PendingTag[] {
  const afterByLocation = Map.groupBy(after, locationKey);
  return before.flatMap((location): PendingTag[] => {
    const source = parseReference(location.reference);
    const { tag = '' } = source;
    const expected = targetReference(target, source);
    if (isUnderTarget(target, source) || !isTagChanged(target, source) || !expected.tag?.startsWith(tag)) return [];
    const partiallyMoved = formatReference({ ...expected, tag });
    const current = afterByLocation.get(locationKey(location))?.find(({ reference }) => reference === partiallyMoved);
    if (current === undefined || !current.written.includes(`:${tag}`)) return [];
    const fields = current.within === undefined ? current.parts?.map(({ path }) => path) : undefined;
    return [
      {
        render,
        template: location.template,
        document: location.document,
        fields: fields ?? [current.path],
        written: current.written,
        source: location.written,
        tag,
        addition: expected.tag.slice(tag.length),
      },
    ];
  });
}

/** Returns the pending tags in the field that changed. */
export function pendingTagsFor(
  { render, template, document, path }: Change,
  pending: readonly PendingTag[],
): PendingTag[] {
  const keys = JSON.stringify(path.map(String));
  return pending.filter(
    (tag) =>
      tag.render === render &&
      tag.template === template &&
      tag.document === document &&
      tag.fields.some((field) => JSON.stringify(parseFieldPath(field).map(String)) === keys),
  );
}

/** Reports whether a change only inserts some of these texts. */
export function isTagAddition({ before, after }: Change, additions: readonly string[]): boolean {
  if (typeof after !== 'string' || before === undefined) return false;
  const longestFirst = [...additions].sort((a, b) => b.length - a.length);
  return longestFirst.reduce((text, addition) => text.replaceAll(addition, ''), after) === String(before);
}

// Kubernetes, "Labels and Selectors", syntax and character set.
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** Reports whether a change only extends a label that shows a tag, possibly truncated, and the label stays valid. */
export function isTagLabel({ path, before, after }: Change, additions: readonly string[]): boolean {
  if (path.at(-2) !== 'labels' || typeof before !== 'string' || typeof after !== 'string') return false;
  const isCut = after.startsWith(before) && additions.some((addition) => (before + addition).startsWith(after));
  return isCut && LABEL.test(after);
}
