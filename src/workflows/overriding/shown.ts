import { withDoubtfulCopies } from '../../discovery/copies.ts';
import { discoverPlaces, type PlaceFound } from '../../discovery/index.ts';
import { influencedPlaces } from '../../discovery/influenced.ts';
import { checkCount, checkImages } from '../../discovery/recount.ts';
import {
  applyRules,
  builtInRules,
  isByRule,
  type Outside,
  operatorsFor,
  outsideTables,
  type Rule,
} from '../../discovery/rules/index.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import { unlessRefused } from '../../influence/accepted.ts';
import { leavesOf } from '../../influence/leaves.ts';
import { probe } from '../../influence/probe.ts';
import { slotsOf } from '../../influence/slots.ts';
import { isWantedPlace } from '../../lock/finding.ts';
import { checkCrds } from '../search/crds.ts';
import { type Profile, unseenImages } from '../search/search-render.ts';
import { upgradeOf, type Variant } from '../search/variants.ts';

/** Variant of a chart, with all images whose references must become private. */
export interface Shown extends Variant {
  /** Images that operators choose at run time; no template contains them. */
  readonly chosen: readonly PlaceFound[];
  /** Operators newer or older than the versions covered by rules. */
  readonly outside: readonly Outside[];
  /** Returns the containers that receive the name of an operand's image, identified by their image fields. */
  readonly tellers: (chosen: PlaceFound) => readonly PlaceFound[];
}

/**
 * Returns the references in a render, without those of confidence `possible`.
 * @throws AirgapError `disagreement` if two discovery methods read a document differently
 */
export function surePlaces({ documents, values }: Render, { chart }: Renderer, { name }: Profile): PlaceFound[] {
  const found = discoverPlaces(documents, { chart: chart.metadata.name, profile: name });
  checkCount(documents, found);
  return sure(withDoubtfulCopies(found, values));
}

/** Sources of images in addition to templates. */
export interface Asking {
  /** Operator rules in addition to the built-in ones. */
  readonly rules: readonly Rule[];
  /** Images chosen by components in the cluster, in addition to those from rules. */
  readonly operands: readonly PlaceFound[];
  /** Include operators' default images for user-created resources. */
  readonly operatorDefaults: boolean;
}

/**
 * Analyzes the install, and the upgrade if templates depend on it and the chart accepts these values for an upgrade.
 */
export async function shownBy(renderer: Renderer, profile: Profile, asked: Asking): Promise<[Shown, ...Shown[]]> {
  await checkCrds(renderer);
  const install = await show(renderer, profile, await renderer.render(profile.options), asked);
  const upgrade = await upgradeOf(renderer, profile);
  const attempt = upgrade && (await unlessRefused(renderer.render(upgrade.options)));
  if (upgrade === undefined || attempt === undefined || 'refusal' in attempt) return [install];
  return [install, await show(renderer, upgrade, attempt.result, { ...asked, operands: [] })];
}

async function show(
  renderer: Renderer,
  profile: Profile,
  base: Render,
  { rules, operands, operatorDefaults }: Asking,
): Promise<Shown> {
  const { metadata } = renderer.chart;
  const { documents } = base;
  const context = { chart: metadata.name, profile: profile.name };
  checkImages(documents);
  const found = surePlaces(base, renderer, profile);
  const places = [...found, ...(await influenced(renderer, profile, base, found))];
  const known = new Set(places.map(({ reference }) => reference));
  const all = [...builtInRules, ...rules];
  const applied = applyRules(all, { metadata, documents, places, context });
  const outside = outsideTables(all, { metadata, documents, places: [...places, ...applied], context });
  const others = operands.filter((place) => !isByRule(place, rules));
  const chosen = sure([...applied, ...others]).filter((place) =>
    place.userMade ? operatorDefaults && isMovable(place) : !known.has(place.reference),
  );
  const tellers = (place: PlaceFound): PlaceFound[] =>
    // A reference from an image's config belongs to the containers that run the image.
    place.kind === 'Image'
      ? places.filter(({ reference, how }) => reference === place.name && how === 'pod-spec')
      : operatorsFor(place, all, { places, documents });
  return { profile, base, places, chosen, outside, tellers };
}

/** Finds references that only value tracing shows; they are moved and proved like the others. */
async function influenced(
  renderer: Renderer,
  { name, options }: Profile,
  base: Render,
  found: readonly PlaceFound[],
): Promise<PlaceFound[]> {
  const written = found.map((place) => place.written);
  const slots = leavesOf(base.values).flatMap((leaf) => slotsOf(leaf, written));
  const unseen = unseenImages(base, slots);
  if (unseen.length === 0) return [];
  const probed = await probe(base, unseen, (overrides) => renderer.render(options, overrides));
  return influencedPlaces(base, probed, found, { chart: renderer.chart.metadata.name, profile: name });
}

/**
 * Reports whether the chart can move an operator's default image for user-created resources. If only a field of the
 * resource can move it and the chart has such resources, users set that field in their own resources.
 */
function isMovable({ confidence, redirect }: PlaceFound): boolean {
  const isOfResource = redirect === undefined || redirect.kind === 'resource-field' || redirect.kind === 'none';
  return confidence !== 'possible' || !isOfResource;
}

function sure(places: readonly PlaceFound[]): PlaceFound[] {
  return places.filter(isWantedPlace);
}
