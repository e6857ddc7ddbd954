import { formatPath } from '../../base/field-path.ts';
import { overlayValues } from '../../base/mapping.ts';
import { runStep } from '../../base/step.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';
import { discoverReferences } from '../../discovery/index.ts';
import { hasValues, NO_VALUES, type Renderer, type RenderOptions } from '../../helm/render.ts';
import type { CheckedImage } from '../../inventory/check-result.ts';
import { profileEntry, valuesOriginOf } from '../../inventory/values-origin.ts';
import type { Context } from '../../session/context.ts';
import { findCauses, unlessRefused } from '../../value-tracing/bisection.ts';
import { buildOverlay } from '../../value-tracing/leaves.ts';
import { type Switch, switchesOff } from '../../value-tracing/switches.ts';
import type { ChartImages } from './chart-images.ts';

/**
 * Says for images that the bundle does not have why a chart pulls them now: which value of the site switches them on,
 * with which values the bundle was made, and which profile would have them.
 */
export async function explainNotInBundle(
  { emit }: Context,
  bundle: Bundle,
  charts: readonly ChartImages[],
  images: readonly CheckedImage[],
): Promise<CheckedImage[]> {
  const explained = new Map<CheckedImage, Pick<CheckedImage, 'message' | 'detail' | 'hint'>>();
  for (const chart of charts) {
    const missing = images.filter(
      (image) => image.status === 'not-in-bundle' && !explained.has(image) && isPulledBy(image, chart),
    );
    if (missing.length === 0) continue;
    const { chart: name, version, profile } = chart;
    const sources = [...new Set(missing.flatMap(({ source }) => source ?? []))];
    const values = await runStep(emit, `finding which values of ${name} ${version} need more images`, () =>
      switchesOf(chart, sources),
    );
    const profiles = (bundle.inventory()?.charts ?? [])
      .filter((entry) => entry.name === name)
      .flatMap(({ profiles: all, parent }) => all.map((entry) => profileEntry({ ...entry, parent })));
    const made = profiles.length === 0 ? '' : `, which was made with ${[...new Set(profiles)].join('; ')}`;
    const message = `chart ${name} ${version} needs images that are not in the bundle${made}`;
    const wanted = profileEntry({ name: profile.name, given: valuesOriginOf(profile.options) });
    const hint = `bundle the chart again with the values of this check (profile ${wanted}), or add these images`;
    for (const image of missing) {
      const path = image.source === undefined ? undefined : values.get(image.source);
      const detail = image.detail ?? (path && `switched on by ${path}`);
      explained.set(image, { message, ...(detail !== undefined && { detail }), hint });
    }
  }
  return images.map((image) => ({ ...image, ...explained.get(image) }));
}

function isPulledBy({ workloads }: CheckedImage, { chart, profile }: ChartImages): boolean {
  return workloads.some(
    (workload) =>
      workload.chart === chart &&
      (workload.profile === profile.name || workload.profile.startsWith(`${profile.name} (`)),
  );
}

/** Longest path of a value that enables a component of the chart: `grafana.enabled`. */
const COMPONENT_DEPTH = 2;

/**
 * Finds the values that switch images on: flags, each of which alone removes an image from the render. First those that
 * are off by default, which the site's values have changed, then those of whole components. Images that need several of
 * them have none.
 */
async function switchesOf(
  { renderer, profile, chart }: ChartImages,
  sources: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (sources.length === 0) return new Map();
  const { options } = profile;
  const base = await renderer.render(options);
  const removedBy = async (selected: readonly Switch[]): Promise<ReadonlySet<string> | undefined> => {
    // Values of `--set` would win over values in a file, so all values are in one.
    const changed = overlayValues(base.values, buildOverlay(base.values, selected));
    const attempt = await unlessRefused(renderer.render({ ...options, ...NO_VALUES }, changed));
    if ('refusal' in attempt) return undefined;
    const found = discoverReferences(attempt.result.documents, { chart, profile: profile.name });
    const remaining = new Set(found.map(({ reference }) => reference));
    return new Set(sources.filter((source) => !remaining.has(source)));
  };
  const flags = switchesOff(base.values, []);
  const changed = await changedFlags(renderer, options, flags);
  const causes = new Map(await findCauses(changed, sources, removedBy));
  const unexplained = sources.filter((source) => !causes.has(source));
  const components = flags.filter(({ path }) => path.length <= COMPONENT_DEPTH && path.at(-1) === 'enabled');
  for (const [source, cause] of await findCauses(components, unexplained, removedBy)) causes.set(source, cause);
  return new Map([...causes].map(([source, { path }]) => [source, formatPath(path)]));
}

/** Returns the flags that are on because of the given values; none if the chart does not render without them. */
async function changedFlags(
  renderer: Renderer,
  options: RenderOptions,
  flags: readonly Switch[],
): Promise<readonly Switch[]> {
  if (!hasValues(options)) return [];
  const defaults = await unlessRefused(renderer.render({ ...options, ...NO_VALUES }));
  if ('refusal' in defaults) return [];
  const known = new Set(switchesOff(defaults.result.values, []).map(({ path }) => formatPath(path)));
  return flags.filter(({ path }) => !known.has(formatPath(path)));
}
