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

/** Where a chart's references stand, and where they are to go. */
export interface Whereabouts {
  readonly target: Target;
  /** Where references stand without overrides, by render. */
  readonly before: readonly (readonly PlaceFound[])[];
  /** Where one of the chart's renders names images. */
  readonly placesIn: (render: Render, way: number) => readonly PlaceFound[];
}

export interface RetagOptions extends Means, Whereabouts {}

interface TagTrial extends Trial {
  readonly leaf: PinLeaf;
}

/** As many different tags as are tried on leaves that do not say whose tag they are. */
const RANKS = 4;

/**
 * Gives references the tags that they have at a target where all images share a repository: by the leaf of the tag, else
 * behind a whole reference. A leaf is taken when what it changes is nothing but the tags of images, all of them alike, and
 * labels that show the version.
 * @param proved overrides that move repositories and keep tags
 */
export async function retag(proved: Proved, { restless: own, ...rest }: RetagOptions): Promise<Proved> {
  const restless = async (): Promise<ReadonlySet<string>> =>
    new Set([...(await own()), ...proved.renders.flatMap(checksums)]);
  const options: RetagOptions = { ...rest, restless };
  const sources = await options.templates();
  let state = proved;
  for (let rank = 0; rank < RANKS; rank++) {
    // A leaf called a version is often none of an image, and could spoil what a tag beside it does.
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
 * The settings without those that move nothing but places which lack their tags still. What is half moved is to be had
 * nowhere, and no longer tells which image it was.
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
    // Of the shape of what is added, so that a version stays one.
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

/** Positions of annotations by which pods notice that a configuration is another, and that show labels as well. */
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
