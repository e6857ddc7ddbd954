import { formatPath } from '../base/field-path.ts';
import type { Advance } from '../base/step.ts';
import { type NetworkLocation, type NetworkNeed, networkNeeds } from '../discovery/network/index.ts';
import type { ChartFiles } from '../helm/chart-files.ts';
import type { Render, Renderer, RenderOptions } from '../helm/render.ts';
import { findCauses, unlessRefused } from '../value-tracing/bisection.ts';
import { buildOverlay } from '../value-tracing/leaves.ts';
import { mayControl, type Switch, switchesOff } from '../value-tracing/switches.ts';
import { mentionedPaths } from '../value-tracing/values-nodes.ts';

/**
 * Adds the values path that disables it to each location of a network need: the flag, list or setting of the chart
 * whose change alone removes it from the render. Those that the location's own template reads are tried first;
 * locations that need several changes get none. Advances with each render.
 */
export async function withSwitches(
  renderer: Renderer,
  options: RenderOptions,
  base: Render,
  needs: readonly NetworkNeed[],
  advance: Advance = () => {},
): Promise<NetworkNeed[]> {
  const locations = needs.flatMap(({ url, found }) => found.map((location) => ({ url, location })));
  if (locations.length === 0) return [...needs];
  const effects = locations.map(({ url, location }) => locationKey(url, location));
  const texts = new Map(locations.map(({ url, location }) => [locationKey(url, location), [url, location.evidence]]));
  const removedBy = async (selected: readonly Switch[]): Promise<ReadonlySet<string> | undefined> => {
    const attempt = await unlessRefused(renderer.render(options, buildOverlay(base.values, selected)).finally(advance));
    if ('refusal' in attempt) return undefined;
    const remaining = new Set(
      networkNeeds(attempt.result.documents, { chart: '', profile: '' }).flatMap(({ url, found }) =>
        found.map((location) => locationKey(url, location)),
      ),
    );
    const isRelated = (effect: string): boolean =>
      selected.some((candidate) => mayControl(base.values, candidate, texts.get(effect) ?? []));
    return new Set(effects.filter((effect) => !remaining.has(effect) && isRelated(effect)));
  };
  const switches = switchesOff(
    base.values,
    locations.flatMap(({ url, location }) => [url, location.evidence]),
  );
  const isRead = readByTemplates(
    await renderer.sourceFiles(),
    locations.map(({ location }) => location),
  );
  const mentioned = switches.filter(({ path }) => isRead(formatPath(path)));
  // Each distinct cause takes several halvings. The limit bounds the time for scripts with many needs.
  const limit = Math.min(60, 24 + 4 * effects.length);
  const causes = new Map(await findCauses(mentioned, effects, removedBy, limit));
  const unexplained = effects.filter((effect) => !causes.has(effect));
  for (const [effect, cause] of await findCauses(
    switches.filter((candidate) => !mentioned.includes(candidate)),
    unexplained,
    removedBy,
    limit,
  )) {
    causes.set(effect, cause);
  }
  return needs.map(({ found, ...need }) => ({
    ...need,
    found: found.map((location) => {
      const cause = causes.get(locationKey(need.url, location));
      return cause === undefined ? location : { ...location, values: [formatPath(cause.path)] };
    }),
  }));
}

/** Returns a test for values paths that the templates of the locations read. The values of a subchart are below its name. */
function readByTemplates(files: ChartFiles, locations: readonly NetworkLocation[]): (path: string) => boolean {
  // Helm prefixes template paths with the chart name.
  const names = new Set(locations.map(({ template }) => template.slice(template.indexOf('/') + 1)));
  const mentioned = [...files].flatMap(([name, text]) => (names.has(name) ? mentionedPaths(text) : []));
  const paths = new Set(mentioned.map((path) => formatPath(path)));
  return (path) => paths.has(path) || [...paths].some((short) => path.endsWith(`.${short}`));
}

/** Key of a need at the same object of another render, where document indexes may differ. */
function locationKey(url: string, { template, kind, name, path, within }: NetworkLocation): string {
  return JSON.stringify([url, template, kind, name, path, within]);
}
