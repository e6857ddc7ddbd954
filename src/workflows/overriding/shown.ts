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

/** A variant with everything whose reference has to become private. */
export interface Shown extends Variant {
  /** Images that an operator chooses by itself, so that no template holds them. */
  readonly chosen: readonly PlaceFound[];
  /** Operators that are newer or older than what rules know of their images. */
  readonly outside: readonly Outside[];
  /** The containers that are told which images an operator chooses, by their image fields. */
  readonly tellers: (chosen: PlaceFound) => readonly PlaceFound[];
}

/**
 * Where a render of a chart surely names images.
 * @throws AirgapError `disagreement` where two readings of a document differ
 */
export function surePlaces({ documents, values }: Render, { chart }: Renderer, { name }: Profile): PlaceFound[] {
  const found = discoverPlaces(documents, { chart: chart.metadata.name, profile: name });
  checkCount(documents, found);
  return sure(withDoubtfulCopies(found, values));
}

/** What counts beside what templates name. */
export interface Asking {
  /** Operator rules besides the built-in ones. */
  readonly rules: readonly Rule[];
  /** Images beside those that rules know, which something in the cluster chooses. */
  readonly operands: readonly PlaceFound[];
  /** Whether operators' defaults for resources that users are going to make count. */
  readonly operatorDefaults: boolean;
}

/** The install, and the upgrade where templates look at that and the chart lets itself be upgraded with these values. */
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
    // What an image's own config names is told to whatever runs that image.
    place.kind === 'Image'
      ? places.filter(({ reference, how }) => reference === place.name && how === 'pod-spec')
      : operatorsFor(place, all, { places, documents });
  return { profile, base, places, chosen, outside, tellers };
}

/** What image leaves build that nothing else shows is moved and proved like the rest. */
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
 * Whether the chart may have to say where an operator's default for users' resources comes from. Where only a field of
 * the resource does, and the chart has resources of its own, it is for those who make further ones.
 */
function isMovable({ confidence, redirect }: PlaceFound): boolean {
  const isOfResource = redirect === undefined || redirect.kind === 'resource-field' || redirect.kind === 'none';
  return confidence !== 'possible' || !isOfResource;
}

function sure(places: readonly PlaceFound[]): PlaceFound[] {
  return places.filter(isWantedPlace);
}
