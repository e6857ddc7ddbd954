import type { PlaceFound } from '../../discovery/index.ts';
import type { Render } from '../../helm/render.ts';
import { type Change, keyOfChange } from '../../influence/changes.ts';
import { formatPath } from '../../influence/leaves.ts';
import { slotPath } from '../../influence/slots.ts';
import type { Trial } from '../../influence/trial.ts';
import type { Place } from '../../lock/finding.ts';
import type { Target } from '../../oci/naming.ts';
import type { Setting } from '../../overrides/document.ts';
import { type PinLeaf, pinnedValue, referenceLeaves, tagLeaves } from '../../overrides/pin.ts';
import { isAdding, isShowing, type OpenTag, openTags, tagsAt } from '../../overrides/retag.ts';
import type { Derivation } from '../../overrides/settle.ts';
import { extend, type Means, type Proved, tryBeside } from './extension.ts';

/** References of a chart, and the target of the move. */
export interface Whereabouts {
  readonly target: Target;
  /** References without overrides, by render. */
  readonly before: readonly (readonly PlaceFound[])[];
  /** Returns the references in a render of the chart. */
  readonly placesIn: (render: Render, way: number) => readonly PlaceFound[];
}

export interface RetagOptions extends Means, Whereabouts {}

interface TagTrial extends Trial {
  readonly leaf: PinLeaf;
}

/** Number of tags tried on leaves that do not show which image their tag belongs to. */
const RANKS = 4;

/**
 * Changes tags for a target where all images share one repository: through the leaf of the tag, otherwise after a full
 * reference. A leaf is used only if it changes nothing but image tags, all in the same way, and version labels.
 * @param proved overrides that move repositories and keep tags
 */
export async function retag(proved: Proved, { restless: own, ...rest }: RetagOptions): Promise<Proved> {
  const restless = async (): Promise<ReadonlySet<string>> =>
    new Set([...(await own()), ...proved.renders.flatMap(checksums)]);
  const options: RetagOptions = { ...rest, restless };
  const sources = await options.templates();
  let state = proved;
  for (let rank = 0; rank < RANKS; rank++) {
    // Tags first: a leaf named version often has nothing to do with an image, and could spoil a valid tag leaf.
    for (const isTag of [true, false]) {
      const open = openIn(state, options);
      if (open.length === 0) return state;
      const [{ values } = { values: {} }] = state.renders;
      const leaves = [
        ...tagLeaves(state.base, sources, namesOf(open, 'source'), rank, ''),
        ...(rank > 0 ? [] : referenceLeaves(values, namesOf(open, 'written'), '')),
      ];
      const chosen = leaves.filter(({ path }) => /version$/i.test(String(path.at(-1))) !== isTag);
      state = await retagBy(state, chosen, open, options);
    }
  }
  return state;
}

function namesOf(open: readonly OpenTag[], which: 'source' | 'written'): string[] {
  return open.map((one) => one[which]);
}

/**
 * Drops settings that only move references whose tag is still pending. A partly moved reference exists nowhere, and no
 * longer shows which image it was.
 */
export function withoutHalves(
  proved: Proved,
  derivations: readonly Pick<Derivation, 'moves'>[],
  options: Whereabouts,
): readonly Setting[] {
  const left = openIn(proved, options);
  const open = new Set(left.map(({ template, document, source }) => JSON.stringify([template, document, source])));
  const isOpen = ({ template, document, written }: Place): boolean =>
    open.has(JSON.stringify([template, document, written]));
  const moved = Map.groupBy(
    derivations.flatMap(({ moves }) => [...moves]),
    ([slot]) => slotPath(slot),
  );
  return proved.settings.filter(({ path }) => {
    const places = moved.get(formatPath(path))?.flatMap(([, all]) => all) ?? [];
    return places.length === 0 || !places.every(isOpen);
  });
}

function openIn({ renders }: Proved, { target, before, placesIn }: Whereabouts): OpenTag[] {
  return renders.flatMap((render, way) => openTags(before[way] ?? [], placesIn(render, way), target, way));
}

async function retagBy(
  state: Proved,
  leaves: readonly PinLeaf[],
  open: readonly OpenTag[],
  options: RetagOptions,
): Promise<Proved> {
  if (leaves.length === 0) return state;
  const trials = leaves.map((leaf, i): TagTrial => {
    // Same format as the tag suffix, so that version strings stay valid.
    const marker = `---a19t${i.toString(16).padStart(4, '0')}`;
    return { leaf, marker, path: leaf.path, value: leaf.pinned(() => marker) };
  });
  const markers = trials.map(({ marker }) => marker);
  const { good } = await tryBeside(state, options, trials, {
    judge: (_, change) => isMeant(change, markers, open),
  });
  const settings = [...good].flatMap(([{ leaf, marker }, changes]): Setting[] => {
    const built = changes.flatMap((change) =>
      tagsAt(change, open).filter(({ tag }) => String(change.is).includes(tag + marker)),
    );
    const value = pinnedValue(leaf, (reference) => {
      const mine = built.filter(({ written }) => reference === undefined || written === reference);
      const [only, ...others] = new Set(mine.map(({ addition }) => addition));
      return others.length > 0 ? undefined : only;
    });
    if (value === undefined) return [];
    const before = state.settings.find(({ path }) => formatPath(path) === formatPath(leaf.path));
    const comment = before?.comment ?? [...new Set(built.map(({ source }) => `tag of ${source}`))].sort().join('\n');
    return [{ path: leaf.path, value, comment }];
  });
  const additions = [...new Set(open.map(({ addition }) => addition))];
  return extend(state, options, settings, {
    allows: (change) => isMeant(change, additions, open),
  });
}

/**
 * Returns positions of checksum annotations, which restart pods after configuration changes; they depend on labels too.
 */
function checksums({ documents }: Render, render: number): string[] {
  return documents.flatMap(({ template, index, object }) => {
    const found: string[] = [];
    const walk = (value: unknown, path: readonly (string | number)[]): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, item] of Object.entries(value)) {
        const here = [...path, Array.isArray(value) ? Number(key) : key];
        if (path.at(-1) === 'annotations' && key.startsWith('checksum/'))
          found.push(keyOfChange({ render, template, document: index, path: here }));
        walk(item, here);
      }
    };
    walk(object, []);
    return found;
  });
}

function isMeant(change: Change, additions: readonly string[], open: readonly OpenTag[]): boolean {
  return isShowing(change, additions) || (isAdding(change, additions) && tagsAt(change, open).length > 0);
}
