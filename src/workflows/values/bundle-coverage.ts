import { count } from '../../base/count.ts';
import type { Emit } from '../../base/events.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { Inventory, InventoryImage } from '../../inventory/inventory.ts';
import { type BundledProfile, profileText, valuesOriginOf, valuesOriginText } from '../../inventory/values-origin.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Proof } from '../../overrides/index.ts';
import type { Profile } from '../../search/search-render.ts';

/** Images of a chart in a bundle that the current values do not need, because the bundle was made with other values. */
export interface UncoveredImages {
  readonly references: readonly string[];
  /** Profiles that need these images. */
  readonly profiles: readonly BundledProfile[];
  /** Profiles whose images the current values need too. */
  readonly covered: readonly BundledProfile[];
}

/** What the overrides of a chart do not cover of a bundle. */
export interface UncoveredContent {
  readonly images?: UncoveredImages;
  /** Profiles of the bundle without overrides; only those without a parent chart. */
  readonly profiles: readonly BundledProfile[];
}

/** A chart and profile for which overrides were derived. */
export interface DerivedChart {
  readonly chart: string;
  readonly version: string;
  readonly profile: Profile;
  /** All its image references, at the source or at the target. */
  readonly references: readonly string[];
  /** References that stay public on purpose, in addition. */
  readonly proof?: Pick<Proof, 'allowed'>;
}

/**
 * Reports whether overrides leave a reference public, need an image that does not exist or that the bundle lacks, or leave Pods without
 * the pull secret.
 */
export function isIncomplete({
  proof,
  notInBundle,
}: {
  readonly proof: Pick<Proof, 'residue' | 'missing' | 'withoutPullSecret' | 'acceptsWithoutPullSecret'>;
  readonly notInBundle: readonly string[];
}): boolean {
  const pods = proof.acceptsWithoutPullSecret ? [] : (proof.withoutPullSecret ?? []);
  return proof.residue.length + notInBundle.length + missingNames(proof).length + pods.length > 0;
}

/** Returns the images of a proof that do not exist, without those that the user accepts. */
export function missingNames({ missing = [] }: Pick<Proof, 'missing'>): string[] {
  return [...new Set(missing.flatMap(({ reference, allowed }) => (allowed === undefined ? [reference] : [])))];
}

type InventoryLocation = InventoryImage['found'][number];

/** Kinds of findings that do not depend on the values, or come from another chart's render. */
const INDEPENDENT_OF_VALUES: ReadonlySet<InventoryLocation['how']> = new Set([
  'declared',
  'nested-chart',
  'image-config',
  'inside-image',
]);

function dependsOnValues({ how, userMade }: InventoryLocation): boolean {
  return !INDEPENDENT_OF_VALUES.has(how) && userMade !== true;
}

/**
 * Compares derived overrides with the images and profiles of a bundle, and warns of uncovered ones. A bundle does not
 * contain values, so overrides for its other profiles cannot be derived without them.
 * @param isComplete true if overrides for all profiles of the charts are required
 * @returns what is not covered, by chart name
 */
export function compareWithBundle(
  source: Bundle,
  derived: readonly DerivedChart[],
  target: Target,
  isComplete: boolean,
  emit: Emit,
): Map<string, UncoveredContent> {
  const inventory = source.inventory();
  const found = new Map<string, UncoveredContent>();
  if (inventory === undefined) return found;
  for (const [chart, derivedCharts] of Map.groupBy(derived, (derivedChart) => derivedChart.chart)) {
    const uncovered = findUncovered(inventory, chart, derivedCharts, target);
    if (uncovered !== undefined && !usesBundledProfile(uncovered, derivedCharts)) warnUncovered(emit, chart, uncovered);
    const missingProfiles = profilesLeftOut(inventory, chart, derivedCharts, isComplete);
    found.set(chart, { ...(uncovered && { images: uncovered }), profiles: missingProfiles });
    const isReported =
      uncovered !== undefined &&
      missingProfiles.every(({ name }) => uncovered.profiles.some((profile) => profile.name === name));
    if (missingProfiles.length > 0 && (isComplete || !isReported)) warnProfilesLeftOut(emit, chart, missingProfiles);
  }
  return found;
}

/** Returns images of a chart that no derived profile needs, by their source or target name. */
function findUncovered(
  inventory: Inventory,
  chart: string,
  derivedCharts: readonly DerivedChart[],
  target: Target,
): UncoveredImages | undefined {
  const bundledProfiles = profilesOf(inventory, chart);
  const needed = new Set(
    derivedCharts.flatMap(({ references, proof }) => [
      ...references,
      ...(proof?.allowed ?? []).map(({ reference }) => reference),
    ]),
  );
  const isNeeded = (reference: string): boolean =>
    needed.has(reference) || needed.has(formatTargetReference(target, parseReference(reference)));
  const noHooks = derivedCharts.every(({ profile }) => profile.options.noHooks);
  const noTests = noHooks || derivedCharts.every(({ profile }) => profile.options.skipTests);
  const uncovered = inventory.images.flatMap(({ reference, need, found }) => {
    if (isNeeded(reference) || (noTests && need === 'test')) return [];
    const locations = found.filter((location) => location.chart === chart && dependsOnValues(location));
    const shown = noHooks ? locations.filter(({ hook }) => hook === undefined) : locations;
    return shown.length === 0 ? [] : [{ reference, profiles: profilesIn(shown, bundledProfiles) }];
  });
  if (uncovered.length === 0) return undefined;
  const isUncovered = ({ name }: BundledProfile): boolean => uncovered.some(({ profiles }) => profiles.includes(name));
  return {
    references: uncovered.map(({ reference }) => reference).sort(),
    profiles: bundledProfiles.filter(isUncovered),
    covered: bundledProfiles.filter((profile) => !isUncovered(profile)),
  };
}

/** Returns profiles of all versions of the chart, because images do not record the chart version. */
function profilesOf({ charts }: Inventory, chart: string): BundledProfile[] {
  return charts
    .filter(({ name }) => name === chart)
    .flatMap(({ profiles, parent }) =>
      profiles.map(({ name, given }) => ({
        name,
        given,
        parent,
      })),
    );
}

/** Returns the profiles in which an image was found; all if unknown, as in a bundle made from a lock file. */
function profilesIn(locations: readonly InventoryLocation[], bundledProfiles: readonly BundledProfile[]): string[] {
  const names = bundledProfiles.map(({ name }) => name);
  const matching = names.filter((name) =>
    locations.some(({ profile }) => profile === name || profile === `${name} (upgrade)`),
  );
  return matching.length === 0 ? names : matching;
}

/** Reports whether the current values seem to be those of a fully covered profile of the bundle. */
function usesBundledProfile({ covered }: UncoveredImages, derivedCharts: readonly DerivedChart[]): boolean {
  return covered.some((profile) => derivedCharts.some((derivedChart) => isComparable(profile, derivedChart)));
}

/** Compares only whether values were given at all, because their names may differ between machines. */
function isComparable({ given }: BundledProfile, { profile }: DerivedChart): boolean {
  return (
    given === undefined || valuesOriginText(given) === '' || valuesOriginText(valuesOriginOf(profile.options)) !== ''
  );
}

/**
 * Returns profiles for which nothing was derived. Unless all are required, giving values counts as selecting a profile,
 * and giving none does so only if the bundle was made without values.
 */
function profilesLeftOut(
  inventory: Inventory,
  chart: string,
  derivedCharts: readonly DerivedChart[],
  isComplete: boolean,
): readonly BundledProfile[] {
  const bundledProfiles = profilesOf(inventory, chart).filter(({ parent }) => parent === undefined);
  if (!isComplete)
    return bundledProfiles.some((profile) => derivedCharts.some((derivedChart) => isComparable(profile, derivedChart)))
      ? []
      : bundledProfiles;
  return bundledProfiles.filter(
    (profile) =>
      !derivedCharts.some(
        (derivedChart) => derivedChart.profile.name === profile.name && isComparable(profile, derivedChart),
      ),
  );
}

function warnUncovered(emit: Emit, chart: string, { references, profiles }: UncoveredImages): void {
  const images = `${count(references.length, 'more image')} of chart ${chart}`;
  const parents = [...new Set(profiles.flatMap(({ parent }) => parent ?? []))].join(', ');
  const advice =
    parents === '' ? 'pass the values that you install with' : `use --format aggregate for the images of ${parents}`;
  const message = `the bundle has ${images} than these values need, because it was made with other values (${profiles.map(profileText).join('; ')}): ${references.join(', ')}. The proof covers only what these values install; ${advice}`;
  emit({ type: 'warning', message });
}

function warnProfilesLeftOut(emit: Emit, chart: string, missingProfiles: readonly BundledProfile[]): void {
  const message = `no overrides for profiles of the bundle (chart ${chart}, ${missingProfiles.map(profileText).join('; ')}), because it does not contain their values. Pass the values with -f and the name of the chart, or as profiles with --config`;
  emit({ type: 'warning', message });
}
