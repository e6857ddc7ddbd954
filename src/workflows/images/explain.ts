import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import {
  assessText,
  explainDocuments,
  type Occurrence,
  type TextAssessment,
  withOtherEvidence,
} from '../../discovery/explain/index.ts';
import { nestedCharts } from '../../discovery/nested/index.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { fetchChart, titleOf } from '../../helm/fetch.ts';
import { Helm } from '../../helm/helm.ts';
import { Renderer } from '../../helm/render.ts';
import { type ManifestSource, readManifests } from '../../manifests/index.ts';
import type { ChartJob } from '../../search/search-charts.ts';
import { type Profile, searchRender } from '../../search/search-render.ts';
import { upgradeProfile } from '../../search/variants.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { RegistryHosts } from '../../sweep/hosts.ts';
import { sweep } from '../../sweep/sweep.ts';
import { unlessRefused } from '../../value-tracing/bisection.ts';
import type { ImagesOptions } from './images.ts';

export interface ExplainOptions extends Pick<ImagesOptions, 'charts' | 'manifests' | 'chartSources' | 'rules'> {
  /** Text to search for; not empty. */
  readonly text: string;
}

/** An occurrence, and the profiles that contain it unchanged. */
export interface ExplainedOccurrence extends Occurrence {
  readonly profiles: readonly string[];
}

export interface ExplainResult {
  readonly text: string;
  readonly charts: readonly {
    /** Of manifests: the name of their source, without version and profiles. */
    readonly name: string;
    readonly version: string;
    readonly profiles: readonly string[];
    readonly occurrences: readonly ExplainedOccurrence[];
    /** Nested charts; their renders are not searched. */
    readonly nested: readonly string[];
  }[];
  /** Assessment of the text without context, if it occurs nowhere. */
  readonly bare?: TextAssessment;
}

/**
 * Returns the occurrences of a text in the renders of charts and in manifests, and why the search accepts or rejects each. If there is
 * none, the text is assessed without context.
 * @throws AirgapError the error of a chart that cannot be fetched or rendered
 */
export function explain(context: Context, options: ExplainOptions): Promise<ExplainResult> {
  const { text, charts: jobs } = options;
  return withScratch(context, async (scratch) => {
    const outcomes = await settle(jobs, availableParallelism(), (job, i) =>
      explainChart(context, options, job, join(scratch, String(i))),
    );
    const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [asAirgapError(outcome.error)] : []));
    if (errors.length > 0) throw combine(errors, `${errors.length} of ${jobs.length} charts could not be rendered`);
    const charts = outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
    for (const source of options.manifests ?? []) charts.push(await explainManifests(context, source, text));
    const isFound = charts.some(({ occurrences }) => occurrences.length > 0);
    return { text, charts, ...(isFound ? {} : { bare: assessText(text) }) };
  });
}

async function explainChart(
  context: Context,
  { text, chartSources, rules }: ExplainOptions,
  { request, profiles }: ChartJob,
  folder: string,
): Promise<ExplainResult['charts'][number]> {
  const helm = new Helm(context);
  const chart = await fetchChart(helm, request, folder, context.cwd, chartSources);
  const renderer = new Renderer(helm, chart, join(folder, 'render'));
  const found = new Map<string, ExplainedOccurrence>();
  const nested = new Set<string>();
  const add = (occurrences: readonly Occurrence[], profile: string): void => {
    for (const occurrence of occurrences) {
      const key = JSON.stringify(occurrence);
      const knownProfiles = found.get(key)?.profiles ?? [];
      found.set(key, { ...occurrence, profiles: [...knownProfiles, profile] });
    }
  };
  for (const profile of profiles) {
    const { options, name } = profile;
    const base = await runStep(context.emit, `rendering ${titleOf(chart)}`, () => renderer.render(options));
    const findings = await runStep(context.emit, `tracing values of ${titleOf(chart)}`, () =>
      searchRender(renderer, base, profile, { rules }, true),
    );
    for (const occurrence of findings.nested) nested.add(`${occurrence.name} ${occurrence.version}`.trim());
    const installOccurrences = withOtherEvidence(occurrencesIn(base.documents, text), findings.references, text);
    add(installOccurrences, name);
    const upgrade = await upgradeProfile(renderer, profile);
    if (upgrade === undefined) continue;
    const known = new Set(installOccurrences.map(occurrenceIdentity));
    const occurrences = await runStep(context.emit, `rendering ${titleOf(chart)} as an upgrade`, () =>
      upgradeOccurrences(renderer, upgrade, text),
    );
    add(
      occurrences.filter((occurrence) => !known.has(occurrenceIdentity(occurrence))),
      upgrade.name,
    );
  }
  const { name, version } = chart.metadata;
  const names = profiles.map((profile) => profile.name);
  return { name, version, profiles: names, occurrences: [...found.values()], nested: [...nested] };
}

async function explainManifests(
  context: Context,
  source: ManifestSource,
  text: string,
): Promise<ExplainResult['charts'][number]> {
  const documents = await readManifests(context, source);
  const occurrences = occurrencesIn(documents, text).map((occurrence) => ({ ...occurrence, profiles: [] }));
  const nested = nestedCharts(documents, {}).map(({ name, version }) => `${name} ${version}`.trim());
  return { name: source.name, version: '', profiles: [], occurrences, nested: [...new Set(nested)] };
}

/** Returns the occurrences in an upgrade; empty if the chart does not render as an upgrade. */
async function upgradeOccurrences(renderer: Renderer, upgrade: Profile, text: string): Promise<Occurrence[]> {
  const attempt = await unlessRefused(renderer.render(upgrade.options));
  return 'result' in attempt ? occurrencesIn(attempt.result.documents, text) : [];
}

/** Explains a text, and adds to what is not taken where it stands, by which a proof leaves it public. */
function occurrencesIn(documents: readonly RenderedDocument[], text: string): Occurrence[] {
  const names = sweep(documents, { hosts: new RegistryHosts([]), shortNames: [text], isPrivate: () => false });
  return explainDocuments(documents, text).map((occurrence) => {
    const name = names.find(
      ({ template, document, path, text: found }) =>
        template === occurrence.template &&
        document === occurrence.document &&
        (occurrence.path === '' || path === occurrence.path) &&
        (found.includes(text) || text.includes(found)),
    );
    if (occurrence.taken || name?.explained === undefined) return occurrence;
    return { ...occurrence, because: `${occurrence.because}; it is in ${name.explained}` };
  });
}

/** Key of an occurrence in two renders: document indexes may differ. */
function occurrenceIdentity({ template, kind, name, path, within, text }: Occurrence): string {
  return JSON.stringify([template, kind, name, path, within, text]);
}
