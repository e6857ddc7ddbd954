import { formatPath } from '../../base/field-path.ts';
import type { Render } from '../../helm/render.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { Digest } from '../../oci/digest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Change } from '../../value-tracing/changes.ts';
import type { Trial } from '../../value-tracing/trial.ts';
import { locationPath, type Pins } from '../proof/proof.ts';
import { type Relocation, referencesIn } from '../proof/relocation.ts';
import { addSettings, type ProvenOverrides, type TrialContext, trySettings } from '../settings/accepted-settings.ts';
import { type Setting, settingAt } from '../settings/setting.ts';
import {
  DIGEST_KEY,
  digestLeaves,
  isEmpty,
  type PinLeaf,
  pinnedValue,
  referenceLeaves,
  tagLeaves,
} from './pin-leaves.ts';

/** Options for pinning references to digests. */
export interface PinOptions extends TrialContext {
  /** Digests by private reference, in full and with its tag. */
  readonly digests: ReadonlyMap<string, Digest>;
  readonly relocation: Relocation;
}

/** Overrides with digests. */
export interface PinnedOverrides extends ProvenOverrides {
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
export async function addPins(proved: ProvenOverrides, options: PinOptions): Promise<PinnedOverrides> {
  const { digests, relocation, templates } = options;
  const before = unpinnedReferences(proved);
  if (before.length === 0) return { ...proved, pins: { pinned: 0, pinnable: 0, left: [] } };
  const sources = await templates();
  let state = proved;
  let unpinned = before;
  const rounds: ((values: Render['values'], written: readonly string[]) => PinLeaf[])[] = [
    (values) => digestLeaves(values, sources, false),
    (values) => digestLeaves(values, sources, true),
    (values, written) => [...tagLeaves(values, sources, written), ...referenceLeaves(values, written)],
    (values, written) => tagLeaves(values, sources, written, 1),
  ];
  for (const findLeaves of rounds) {
    if (unpinned.length === 0) break;
    const written = new Map(unpinned.map((located) => [located.written, located.reference]));
    const [{ values } = { values: {} }] = state.renders;
    const leaves = findLeaves(
      values,
      unpinned.map((located) => located.written),
    );
    state = await pinLeaves(state, leaves, written, options);
    unpinned = unpinnedReferences(state);
  }
  const left = new Map(
    unpinned.map((located) => {
      const { reference, template } = located;
      return [
        JSON.stringify([reference, template, locationPath(located)]),
        { reference, template, path: locationPath(located) },
      ];
    }),
  );
  const names = new Set(before.map(({ reference }) => reference));
  const pinnable = names.size;
  for (const { reference } of unpinned) names.delete(reference);
  return { ...state, pins: { pinned: names.size, pinnable, left: [...left.values()] } };

  function unpinnedReferences({ renders }: ProvenOverrides): LocatedReference[] {
    return renders.flatMap((render, variantIndex) =>
      referencesIn(relocation, render, variantIndex).filter(({ reference }) => digests.has(reference)),
    );
  }
}

async function pinLeaves(
  state: ProvenOverrides,
  leaves: readonly PinLeaf[],
  written: ReadonlyMap<string, string>,
  options: PinOptions,
): Promise<ProvenOverrides> {
  if (leaves.length === 0) return state;
  const { digests } = options;
  const trials = leaves.map((leaf, i): PinTrial => {
    // Hexadecimal like a digest, and short enough to show in truncated labels.
    const marker = `a19a${i.toString(16).padStart(4, '0')}`;
    const digest = `sha256:${marker.repeat(8)}`;
    return { leaf, digest, marker, path: leaf.path, value: leaf.pinned(() => digest) };
  });
  const markerDigests = new Set(trials.map(({ digest }) => digest));
  const markerCheck = createPinCheck(written, (_, digest) => markerDigests.has(digest), options);
  const judge = ({ digest }: PinTrial, change: Change, after: readonly Render[]): boolean =>
    pinsInChange(change, markerCheck(change, after))?.some((pin) => pin.digest === digest) ?? false;
  const { passed, after } = await trySettings(state, options, trials, { judge });
  const settings = [...passed].flatMap(([{ leaf, digest }, changes]): Setting[] => {
    const pins = changes.flatMap((change) => pinsInChange(change, markerCheck(change, after)) ?? []);
    const references = [
      ...new Set(pins.filter((pin) => pin.digest === digest).map(({ reference }) => reference)),
    ].sort();
    const leafDigests = new Set(references.map((reference) => digests.get(reference)));
    const [only] = leafDigests;
    const digestOf = (name: string | undefined): string | undefined =>
      name === undefined ? (leafDigests.size === 1 ? only : undefined) : digests.get(written.get(name) ?? '');
    const value = pinnedValue(leaf, digestOf);
    if (value === undefined) return [];
    const existing = settingAt(state.settings, leaf.path);
    return [
      {
        path: leaf.path,
        value,
        comment: existing?.comment ?? references.map((reference) => `digest of ${reference}`).join('\n'),
      },
    ];
  });
  const isDigestOf = (reference: string, digest: string): boolean => digests.get(reference) === digest;
  const digestCheck = createPinCheck(written, isDigestOf, options);
  return addSettings(state, options, settings, {
    allows: (change, after) => pinsInChange(change, digestCheck(change, after)) !== undefined,
  });
}

/** Creates the check for changes; references of a render are discovered once. */
function createPinCheck(
  written: PinCheck['written'],
  isDigestOf: PinCheck['isDigestOf'],
  { relocation, digests }: PinOptions,
): (change: Change, after: readonly Render[]) => PinCheck {
  const cache = new Map<Render, readonly LocatedReference[]>();
  const cachedReferences = (render: Render, variantIndex: number): readonly LocatedReference[] => {
    const references = cache.get(render) ?? referencesIn(relocation, render, variantIndex);
    cache.set(render, references);
    return references;
  };
  const findTagged = (reference: string): string | undefined => {
    const { registry, path, tag } = parseReference(reference);
    return [...digests.keys()].find((name) => {
      const other = parseReference(name);
      return other.registry === registry && other.path === path && (tag === undefined || tag === other.tag);
    });
  };
  return ({ render, template, document }, after) => {
    const maps = new Map<string, PinnedReference>();
    for (const located of cachedReferences(after[render] as Render, render)) {
      if (located.template !== template || located.document !== document || located.within !== undefined) continue;
      const { digest } = parseReference(located.reference);
      const reference = digest === undefined ? undefined : findTagged(located.reference);
      if (digest === undefined || reference === undefined || !isDigestOf(reference, digest)) continue;
      const paths = located.parts?.map(({ path }) => path) ?? [located.path];
      for (const path of paths) maps.set(parentPath(path), { reference, digest });
    }
    return { written, isDigestOf, maps };
  };
}

/** Returns `spec.image` for `spec.image.tag` and `spec.image["a.b"]`; a list item is its own parent. */
function parentPath(path: string): string {
  if (path.endsWith('"]')) return path.slice(0, Math.max(0, path.lastIndexOf('["')));
  const end = Math.max(...['.', '[', ']'].map((mark) => path.lastIndexOf(mark)));
  if (end === path.length - 1) return path;
  return path.slice(0, path[end] === '.' ? end : end + 1);
}

/** Reference and the digest that a change adds to it. */
export interface PinnedReference {
  readonly reference: string;
  readonly digest: string;
}

/** Context for judging whether a change only pins references. */
export interface PinCheck {
  /** References that may be pinned, by the text in the manifest. */
  readonly written: ReadonlyMap<string, string>;
  readonly isDigestOf: (reference: string, digest: string) => boolean;
  /** Maps that hold a pinned reference, by path; a digest field in such a map is part of the pin. */
  readonly maps: ReadonlyMap<string, PinnedReference>;
}

const AT_DIGEST = /@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})(?![\w])/g;

/** Returns the references that a change pins; undefined if it does anything else. The digest may replace the tag. */
export function pinsInChange(
  { before, after, path }: Change,
  { written, isDigestOf, maps }: PinCheck,
): PinnedReference[] | undefined {
  if (typeof after !== 'string') return undefined;
  const mapPin =
    DIGEST_KEY.test(String(path.at(-1))) && isEmpty(before) ? maps.get(formatPath(path.slice(0, -1))) : undefined;
  if (mapPin !== undefined) return mapPin.digest.endsWith(after) ? [mapPin] : undefined;
  if (typeof before !== 'string') return undefined;
  const found: PinnedReference[] = [];
  let text = after;
  for (const match of [...after.matchAll(AT_DIGEST)].reverse()) {
    const digest = match[1] ?? '';
    const preceding = text.slice(0, match.index);
    const tagged = [...written.keys()].find((name) => endsWithReference(preceding, name));
    const untagged = [...written.keys()].find(
      (name) => endsWithReference(preceding, withoutTag(name)) && before.includes(name),
    );
    const name = tagged ?? untagged;
    const reference = name === undefined ? undefined : written.get(name);
    // The digest of another image, already there before.
    if (name === undefined || reference === undefined || !isDigestOf(reference, digest)) continue;
    found.push({ reference, digest });
    const tag = tagged === undefined ? name.slice(withoutTag(name).length) : '';
    text = preceding + tag + text.slice(match.index + match[0].length);
  }
  return text === before && found.length > 0 ? found : undefined;
}

function endsWithReference(text: string, name: string): boolean {
  return text.endsWith(name) && !/[\w./@-]$/.test(text.slice(0, text.length - name.length));
}

function withoutTag(reference: string): string {
  return reference.replace(/:[^:/]*$/, '');
}
