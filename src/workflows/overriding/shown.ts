import { withDoubtfulCopies } from '../../discovery/copies.ts';
import { discoverPlaces, type PlaceFound } from '../../discovery/index.ts';
import { influencedPlaces } from '../../discovery/influenced.ts';
import { checkCount, checkImages } from '../../discovery/recount.ts';
import { applyRules, builtInRules, isByRule, type Rule } from '../../discovery/rules/index.ts';
import type { Render, Renderer } from '../../helm/render.ts';
import { unlessRefused } from '../../influence/accepted.ts';
import { leavesOf } from '../../influence/leaves.ts';
import { probe } from '../../influence/probe.ts';
import { slotsOf } from '../../influence/slots.ts';
import { type Profile, unseenImages } from '../search/search-render.ts';
import { upgradeOf, type Variant } from '../search/variants.ts';

/** A variant with everything whose reference has to become private. */
export interface Shown extends Variant {
  /** Images that an operator chooses by itself, so that no template holds them. */
  readonly chosen: readonly PlaceFound[];
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

/**
 * The install, and the upgrade where templates look at that and the chart lets itself be upgraded with these values.
 * @param operands images beside those that rules know, which something in the cluster chooses
 */
export async function shownBy(
  renderer: Renderer,
  profile: Profile,
  rules: readonly Rule[],
  operands: readonly PlaceFound[],
): Promise<[Shown, ...Shown[]]> {
  const install = await show(renderer, profile, await renderer.render(profile.options), rules, operands);
  const upgrade = await upgradeOf(renderer, profile);
  const attempt = upgrade && (await unlessRefused(renderer.render(upgrade.options)));
  if (upgrade === undefined || attempt === undefined || 'refusal' in attempt) return [install];
  return [install, await show(renderer, upgrade, attempt.result, rules, [])];
}

async function show(
  renderer: Renderer,
  profile: Profile,
  base: Render,
  rules: readonly Rule[],
  operands: readonly PlaceFound[],
): Promise<Shown> {
  const { metadata } = renderer.chart;
  const { documents } = base;
  const context = { chart: metadata.name, profile: profile.name };
  checkImages(documents);
  const found = surePlaces(base, renderer, profile);
  const places = [...found, ...(await influenced(renderer, profile, base, found))];
  const known = new Set(places.map(({ reference }) => reference));
  const applied = applyRules([...builtInRules, ...rules], { metadata, documents, places, context });
  const others = operands.filter((place) => !isByRule(place, rules));
  const chosen = sure([...applied, ...others]).filter(({ reference }) => !known.has(reference));
  return { profile, base, places, chosen };
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

function sure(places: readonly PlaceFound[]): PlaceFound[] {
  return places.filter(({ confidence }) => confidence !== 'possible');
}
