import type { Emit } from '../base/events.ts';
import { discoverPlaces, type PlaceFound } from '../discovery/index.ts';
import { influencedPlaces } from '../discovery/influenced.ts';
import { applyRules, builtInRules, type Rule } from '../discovery/rules/index.ts';
import type { Render, Renderer, Values } from '../helm/render.ts';
import { templateSources } from '../helm/templates.ts';
import { unlessRefused } from '../influence/accepted.ts';
import { formatPath } from '../influence/leaves.ts';
import { probe } from '../influence/probe.ts';
import type { Target } from '../oci/naming.ts';
import { type Accepted, accept } from '../overrides/accept.ts';
import { type Setting, settingsOf } from '../overrides/document.ts';
import { isResidue, type Proof, prove, together } from '../overrides/proof.ts';
import { compose, type Recipe } from '../overrides/recipe.ts';
import { redirectSettings, withRedirects } from '../overrides/redirect.ts';
import { type Derivation, fill, fruitless } from '../overrides/settle.ts';
import { upgradeOf } from './search-profile.ts';
import { type Profile, unseenImages } from './search-render.ts';

/** One way in which a profile is rendered: as an install, or as an upgrade. */
interface Variant {
  readonly profile: Profile;
  readonly base: Render;
  /** Where references stand in the render. */
  readonly places: readonly PlaceFound[];
  /** Images that an operator chooses by itself. */
  readonly chosen: readonly PlaceFound[];
}

/** Overrides of one chart under one profile, with the proof for each way in which it is rendered. */
export interface ChartOverrides {
  /** Coalesced values without them. */
  readonly base: Values;
  readonly settings: readonly Setting[];
  readonly overrides: Values;
  readonly proof: Proof;
  /** Everything that the chart refers to, private or not. */
  readonly references: readonly string[];
}

/**
 * Derives what moves every reference of a chart to the target, and proves it by rendering again, as an install and, where
 * the chart's templates look at that, as an upgrade.
 */
export async function overrideChart(
  renderer: Renderer,
  profile: Profile,
  target: Target,
  { rules, emit }: { readonly rules: readonly Rule[]; readonly emit: Emit },
): Promise<ChartOverrides> {
  const variants = await variantsOf(renderer, profile, rules);
  const [install] = variants as [Variant, ...Variant[]];
  const redirects = variants.flatMap(({ chosen, base }) => redirectSettings(chosen, base, target));
  const attempt = async (without: ReadonlySet<string>): Promise<Attempt> => {
    const derived: { recipe: Recipe; derivation: Derivation }[] = [];
    for (const {
      profile: { options },
      base,
      places,
    } of fresh(variants)) {
      const render = (overrides: Values): Promise<Render> => renderer.render(options, overrides);
      const templates = () => templateSources(renderer.chart.folder);
      const recipe = await compose({ base, places, target, render, templates, without });
      derived.push({ recipe, derivation: fill(recipe, target) });
    }
    const settings = derived.map(({ recipe, derivation }) => settingsOf(derivation, recipe));
    const all = withRedirects(settings.reduce(withRedirects, []), redirects);
    const renderAll = (overrides: Values): Promise<Render[]> =>
      Promise.all(variants.map((variant) => renderer.render(variant.profile.options, overrides)));
    const result = await accept(install.base.values, all, renderAll);
    const proofs = variants.map(({ profile: { name }, places, chosen }, i) => {
      const { documents } = result.render[i] as Render;
      const after = sure(discoverPlaces(documents, { chart: renderer.chart.metadata.name, profile: name }));
      return prove(places, after, documents, target, chosen);
    });
    return { derived, ...result, proof: together(proofs) };
  };
  const { settings, overrides, refused, proof } = await bestOf(attempt);
  for (const { setting, reason } of refused) {
    emit({ type: 'warning', message: `${formatPath(setting.path)} stays as it is: ${reason}` });
  }
  const references = new Set(
    variants.flatMap(({ places, chosen }) => [...places, ...chosen]).map((place) => place.reference),
  );
  return { base: install.base.values, settings, overrides, proof, references: [...references].sort() };
}

/** The install, and the upgrade where templates ask for it and the chart lets itself be upgraded with these values. */
async function variantsOf(renderer: Renderer, profile: Profile, rules: readonly Rule[]): Promise<Variant[]> {
  const install = await variantOf(renderer, profile, await renderer.render(profile.options), rules);
  const upgrade = await upgradeOf(renderer, profile);
  const attempt = upgrade && (await unlessRefused(renderer.render(upgrade.options)));
  if (upgrade === undefined || attempt === undefined || 'refusal' in attempt) return [install];
  return [install, await variantOf(renderer, upgrade, attempt.result, rules)];
}

async function variantOf(renderer: Renderer, profile: Profile, base: Render, rules: readonly Rule[]): Promise<Variant> {
  const { metadata } = renderer.chart;
  const context = { chart: metadata.name, profile: profile.name };
  const { documents } = base;
  const found = sure(discoverPlaces(documents, context));
  const places = [...found, ...(await influenced(renderer, profile, base, found, context))];
  const known = new Set(places.map(({ reference }) => reference));
  const applied = sure(applyRules([...builtInRules, ...rules], { metadata, documents, places, context }));
  return { profile, base, places, chosen: applied.filter(({ reference }) => !known.has(reference)) };
}

/** What image leaves build that nothing else shows is moved and proved like the rest. */
async function influenced(
  renderer: Renderer,
  { options }: Profile,
  base: Render,
  found: readonly PlaceFound[],
  context: { readonly chart: string; readonly profile: string },
): Promise<PlaceFound[]> {
  const unseen = unseenImages(base, found);
  if (unseen.length === 0) return [];
  return influencedPlaces(
    base,
    await probe(base, unseen, (overrides) => renderer.render(options, overrides)),
    found,
    context,
  );
}

function sure(places: readonly PlaceFound[]): PlaceFound[] {
  return places.filter(({ confidence }) => confidence !== 'possible');
}

/** The variants, each with the places that those before it have not shown already. */
function fresh(variants: readonly Variant[]): Variant[] {
  const known = new Set<string>();
  return variants.flatMap((variant) => {
    const places = variant.places.filter(({ template, kind, name, path, within, written }) => {
      const key = JSON.stringify([template, kind, name, path, within, written]);
      return !known.has(key) && known.add(key);
    });
    return places.length === 0 && variant !== variants[0] ? [] : [{ ...variant, places }];
  });
}

interface Attempt extends Accepted<readonly Render[]> {
  readonly derived: readonly { readonly recipe: Recipe; readonly derivation: Derivation }[];
  readonly proof: Proof;
}

/** Derives and proves; a second time without the leaves that did not do what they were to do, when there are any. */
async function bestOf(attempt: (without: ReadonlySet<string>) => Promise<Attempt>): Promise<Attempt> {
  const first = await attempt(new Set());
  const idle = first.derived.flatMap(({ derivation }) =>
    fruitless(derivation, (place) => isResidue(first.proof, place)),
  );
  if (idle.length === 0) return first;
  const refused = first.derived.flatMap(({ recipe }) => recipe.refused);
  const second = await attempt(new Set([...idle, ...refused]));
  return second.proof.residue.length < first.proof.residue.length ? second : first;
}
