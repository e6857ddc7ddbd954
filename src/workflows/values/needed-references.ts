import { join } from 'node:path';
import { ignoreEvents } from '../../base/events.ts';
import { openCheckedBundle } from '../../bundle/open.ts';
import { UPSTREAM } from '../../helm/chart-mirrors.ts';
import { Helm } from '../../helm/helm.ts';
import { isLocationBundledByDefault, type LocatedReference } from '../../inventory/finding.ts';
import type { NotKnown } from '../../inventory/state.ts';
import { isUnderTarget } from '../../naming/naming.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { type AllowedName, allowedNames, splitStaying } from '../../search/reference-decisions.ts';
import { searchCharts } from '../../search/search-charts.ts';
import type { Profile } from '../../search/search-render.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { compareWithBundle } from './bundle-coverage.ts';
import { bundledPlaces, extractCharts } from './bundled-charts.ts';
import { decisionsFor, missingFailures, warnUnusedAllowed } from './bundled-images.ts';
import { checkNameCollisions } from './name-collisions.ts';
import { bundledRenderOptions, resolveCharts } from './requested-charts.ts';
import type { ValuesOptions } from './values.ts';

/** References of charts that are not private yet. */
export interface NeededReferences {
  /** Name and version of each chart searched; names of manifests. */
  readonly charts: readonly string[];
  /** Distinct references, sorted. */
  readonly references: readonly Reference[];
  readonly locations: readonly LocatedReference[];
  /** Nested charts that could not be searched, and images that do not exist or that the bundle lacks, one sentence each. */
  readonly failures: readonly string[];
  /** Images that stay public on purpose; not among the others. */
  readonly allowed: readonly AllowedName[];
  /** What was not understood. */
  readonly notKnown: readonly NotKnown[];
}

/**
 * Finds the references of a chart, or of all charts of a bundle, without probing.
 * @param nested include nested charts; with a bundle, these come from the bundle too
 * @throws AirgapError `collision` if different images of a bundle get the same name
 */
export function neededReferences(
  context: Context,
  { nested, ...options }: ValuesOptions & { readonly nested: boolean },
): Promise<NeededReferences> {
  return withScratch(context, async (scratch) => {
    const { target, rules = [], chartSources = UPSTREAM } = options;
    const source =
      options.bundle === undefined
        ? undefined
        : await openCheckedBundle(options.bundle, { signers: options.signers, emit: context.emit });
    try {
      const decisions = decisionsFor(context, options, source);
      const charts = await resolveCharts(source, options, scratch);
      const nestedFolder = join(scratch, 'within');
      if (source !== undefined && nested) await extractCharts(source, undefined, nestedFolder);
      const mirrors = source === undefined || !nested ? [] : [{ from: '*', to: { folder: nestedFolder } }];
      const jobs = charts.map(({ request, rendered }) => ({
        request,
        profiles: [
          { name: 'default', options: { ...options.render, ...bundledRenderOptions(options.render, rendered) } },
        ],
      }));
      const search = await searchCharts(context, new Helm(context), jobs, scratch, {
        chartSources: { ...chartSources, mirrors: [...mirrors, ...chartSources.mirrors] },
        nestedCharts: nested,
        exclude: decisions.excludedCharts.map((pattern) => ({ pattern })),
        rules,
      });
      const found = [
        ...search.charts.flatMap((chart) => chart.references),
        ...charts.flatMap(({ operands }) => operands),
      ].filter(isLocationBundledByDefault);
      // The documents are not kept, so an entry for a namespace means that of the release.
      const { wanted, staying } = splitStaying(found, decisions, []);
      const locations = wanted.filter(({ reference }) => !isUnderTarget(target, parseReference(reference)));
      warnUnusedAllowed(context.emit, decisions);
      if (source !== undefined) {
        const derived = search.charts.map(({ chart: { metadata }, profiles, references }) => ({
          chart: metadata.name,
          version: metadata.version,
          profile: profiles[0] as Profile,
          references: [...references, ...charts.flatMap(({ operands }) => operands)].map(({ reference }) => reference),
        }));
        compareWithBundle(source, derived, target, options.request === undefined, context.emit);
      }
      const names = new Set(locations.map(({ reference }) => reference));
      checkNameCollisions(target, [...names], context.emit, source);
      return {
        charts: search.charts.map(({ chart: { metadata } }) => `${metadata.name} ${metadata.version}`),
        references: distinct(locations.map(({ reference }) => reference)),
        locations,
        failures: [...search.failures.map(({ message }) => message), ...missingFailures(decisions, [...names])],
        allowed: allowedNames(staying),
        notKnown: search.charts.flatMap(({ notKnown }) => notKnown),
      };
    } finally {
      await source?.close();
    }
  });
}

/**
 * Returns the references of all images in a bundle. Does not need Helm.
 * @throws AirgapError `collision` if different images get the same name
 */
export async function bundledReferences(
  context: Context,
  { bundle, signers, ...options }: { bundle: string } & Pick<ValuesOptions, 'target' | 'signers' | 'onPurpose'>,
): Promise<Omit<NeededReferences, 'locations'>> {
  const { target } = options;
  const source = await openCheckedBundle(bundle, { signers });
  try {
    const decisions = decisionsFor(context, options, source);
    const { wanted, staying } = splitStaying(bundledPlaces(source), decisions, []);
    const references = distinct(wanted.map(({ reference }) => reference));
    checkNameCollisions(target, references.map(formatReference), ignoreEvents, source);
    warnUnusedAllowed(context.emit, decisions);
    return {
      charts: source.charts().map(({ name, version }) => `${name} ${version}`),
      references: references.filter((reference) => !isUnderTarget(target, reference)),
      failures: missingFailures(decisions),
      allowed: allowedNames(staying),
      notKnown: source.inventory()?.notKnown ?? [],
    };
  } finally {
    await source.close();
  }
}

function distinct(references: readonly string[]): Reference[] {
  return [...new Set(references)].sort().map(parseReference);
}
