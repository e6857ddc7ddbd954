import type { PlaceFound } from '../../discovery/index.ts';
import type { Render } from '../../helm/render.ts';
import type { Change } from '../../influence/changes.ts';
import { formatPath } from '../../influence/leaves.ts';
import type { Trial } from '../../influence/trial.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Setting } from '../../overrides/document.ts';
import {
  digestLeaves,
  type PinCheck,
  type PinLeaf,
  type Pinned,
  pinnedBy,
  pinnedValue,
  referenceLeaves,
  tagLeaves,
} from '../../overrides/pin.ts';
import type { Pins } from '../../overrides/proof.ts';
import { pathOf } from '../../overrides/proof.ts';
import { extend, type Means, type Proved, tryBeside } from './extension.ts';

/** Options for pinning references to digests. */
export interface PinOptions extends Means {
  /** Digests by private reference, in full and with its tag. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** Returns the references in a render of the chart. */
  readonly placesIn: (render: Render, way: number) => readonly PlaceFound[];
}

/** Overrides with digests. */
export interface WithPins extends Proved {
  readonly pins: Pins;
}

interface PinTrial extends Trial {
  readonly leaf: PinLeaf;
  readonly digest: string;
}

/**
 * Pins references to digests where the chart allows it: through a digest leaf, otherwise after the tag, otherwise after
 * a full reference. A leaf is used only if it changes nothing but the digests of the right references.
 */
export async function addPins(proved: Proved, options: PinOptions): Promise<WithPins> {
  const { digests, templates } = options;
  const before = openPlaces(proved, options);
  if (before.length === 0) return { ...proved, pins: { pinned: 0, pinnable: 0, left: [] } };
  const sources = await templates();
  let state = proved;
  let open = before;
  const rounds: ((values: Render['values'], written: readonly string[]) => PinLeaf[])[] = [
    (values) => digestLeaves(values, sources, false),
    (values) => digestLeaves(values, sources, true),
    (values, written) => [...tagLeaves(values, sources, written), ...referenceLeaves(values, written)],
    (values, written) => tagLeaves(values, sources, written, 1),
  ];
  for (const leavesOf of rounds) {
    if (open.length === 0) break;
    const written = new Map(open.map((place) => [place.written, place.reference]));
    const [{ values } = { values: {} }] = state.renders;
    const leaves = leavesOf(
      values,
      open.map((place) => place.written),
    );
    state = await pinBy(state, leaves, written, options);
    open = openPlaces(state, options);
  }
  const left = new Map(
    open.map((place) => {
      const { reference, template } = place;
      return [JSON.stringify([reference, template, pathOf(place)]), { reference, template, path: pathOf(place) }];
    }),
  );
  const names = new Set(before.map(({ reference }) => reference));
  const pinnable = names.size;
  for (const { reference } of open) names.delete(reference);
  return { ...state, pins: { pinned: names.size, pinnable, left: [...left.values()] } };

  function openPlaces({ renders }: Proved, { placesIn }: PinOptions): PlaceFound[] {
    return renders.flatMap((render, way) => placesIn(render, way).filter(({ reference }) => digests.has(reference)));
  }
}

async function pinBy(
  state: Proved,
  leaves: readonly PinLeaf[],
  written: ReadonlyMap<string, string>,
  options: PinOptions,
): Promise<Proved> {
  if (leaves.length === 0) return state;
  const { digests } = options;
  const trials = leaves.map((leaf, i): PinTrial => {
    // Hexadecimal like a digest, and short enough to show in truncated labels.
    const marker = `a19a${i.toString(16).padStart(4, '0')}`;
    const digest = `sha256:${marker.repeat(8)}`;
    return { leaf, digest, marker, path: leaf.path, value: leaf.pinned(() => digest) };
  });
  const marks = new Set(trials.map(({ digest }) => digest));
  const check = checking(written, (_, digest) => marks.has(digest), options);
  const judge = ({ digest }: PinTrial, change: Change, after: readonly Render[]): boolean =>
    pinnedBy(change, check(change, after))?.some((one) => one.digest === digest) ?? false;
  const { good, after } = await tryBeside(state, options, trials, { judge });
  const settings = [...good].flatMap(([{ leaf, digest }, changes]): Setting[] => {
    const all = changes.flatMap((change) => pinnedBy(change, check(change, after)) ?? []);
    const references = [
      ...new Set(all.filter((one) => one.digest === digest).map(({ reference }) => reference)),
    ].sort();
    const own = new Set(references.map((reference) => digests.get(reference)));
    const [only] = own;
    const digestOf = (name: string | undefined): string | undefined =>
      name === undefined ? (own.size === 1 ? only : undefined) : digests.get(written.get(name) ?? '');
    const value = pinnedValue(leaf, digestOf);
    if (value === undefined) return [];
    const before = state.settings.find(({ path }) => formatPath(path) === formatPath(leaf.path));
    return [
      {
        path: leaf.path,
        value,
        comment: before?.comment ?? references.map((reference) => `digest of ${reference}`).join('\n'),
      },
    ];
  });
  const isDigestOf = (reference: string, digest: string): boolean => digests.get(reference) === digest;
  const checkFinal = checking(written, isDigestOf, options);
  return extend(state, options, settings, {
    allows: (change, now) => pinnedBy(change, checkFinal(change, now)) !== undefined,
  });
}

/** Creates the check for changes; references of a render are discovered once. */
function checking(
  written: PinCheck['written'],
  isDigestOf: PinCheck['isDigestOf'],
  { placesIn, digests }: PinOptions,
): (change: Change, after: readonly Render[]) => PinCheck {
  const known = new Map<Render, readonly PlaceFound[]>();
  const placesOf = (render: Render, way: number): readonly PlaceFound[] => {
    const places = known.get(render) ?? placesIn(render, way);
    known.set(render, places);
    return places;
  };
  const tagged = (reference: string): string | undefined => {
    const { registry, path, tag } = parseReference(reference);
    return [...digests.keys()].find((name) => {
      const other = parseReference(name);
      return other.registry === registry && other.path === path && (tag === undefined || tag === other.tag);
    });
  };
  return ({ render, template, document }, after) => {
    const maps = new Map<string, Pinned>();
    for (const place of placesOf(after[render] as Render, render)) {
      if (place.template !== template || place.document !== document || place.within !== undefined) continue;
      const { digest } = parseReference(place.reference);
      const reference = digest === undefined ? undefined : tagged(place.reference);
      if (digest === undefined || reference === undefined || !isDigestOf(reference, digest)) continue;
      const paths = place.parts?.map(({ path }) => path) ?? [place.path];
      for (const path of paths) maps.set(parentOf(path), { reference, digest });
    }
    return { written, isDigestOf, maps };
  };
}

/** Returns `spec.image` for `spec.image.tag` and `spec.image["a.b"]`; a list item is its own parent. */
function parentOf(path: string): string {
  if (path.endsWith('"]')) return path.slice(0, Math.max(0, path.lastIndexOf('["')));
  const end = Math.max(...['.', '[', ']'].map((mark) => path.lastIndexOf(mark)));
  if (end === path.length - 1) return path;
  return path.slice(0, path[end] === '.' ? end : end + 1);
}
