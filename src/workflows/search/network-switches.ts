import { type NetworkNeed, type NetworkPlace, networkNeeds } from '../../discovery/network/index.ts';
import type { Files } from '../../helm/chart-files.ts';
import type { Render, Renderer, RenderOptions } from '../../helm/render.ts';
import { unlessRefused } from '../../influence/accepted.ts';
import { causesOf } from '../../influence/causes.ts';
import { formatPath, overlay } from '../../influence/leaves.ts';
import { mentionedPaths } from '../../influence/mentions.ts';
import { concerns, type Switch, switchesOff } from '../../influence/switches.ts';

/**
 * Adds the values path that disables it to each location of a network need: the flag, list or setting of the chart
 * whose change alone removes it from the render. Those that the location's own template reads are tried first;
 * locations that need several changes get none.
 */
export async function withSwitches(
  renderer: Renderer,
  options: RenderOptions,
  base: Render,
  needs: readonly NetworkNeed[],
): Promise<NetworkNeed[]> {
  const places = needs.flatMap(({ url, found }) => found.map((location) => ({ url, location })));
  if (places.length === 0) return [...needs];
  const effects = places.map(({ url, location }) => identityOf(url, location));
  const texts = new Map(places.map(({ url, location }) => [identityOf(url, location), [url, location.evidence]]));
  const gone = async (switches: readonly Switch[]): Promise<ReadonlySet<string> | undefined> => {
    const attempt = await unlessRefused(renderer.render(options, overlay(base.values, switches)));
    if ('refusal' in attempt) return undefined;
    const left = new Set(
      networkNeeds(attempt.result.documents, { chart: '', profile: '' }).flatMap(({ url, found }) =>
        found.map((place) => identityOf(url, place)),
      ),
    );
    const isMeant = (effect: string): boolean =>
      switches.some((one) => concerns(base.values, one, texts.get(effect) ?? []));
    return new Set(effects.filter((effect) => !left.has(effect) && isMeant(effect)));
  };
  const off = switchesOff(
    base.values,
    places.flatMap(({ url, location }) => [url, location.evidence]),
  );
  const read = readByTemplates(
    await renderer.texts(),
    places.map(({ location }) => location),
  );
  const near = off.filter(({ path }) => read(formatPath(path)));
  // Each distinct cause takes several halvings. The limit bounds the time for scripts with many needs.
  const limit = Math.min(60, 24 + 4 * effects.length);
  const causes = new Map(await causesOf(near, effects, gone, limit));
  const rest = effects.filter((effect) => !causes.has(effect));
  for (const [effect, cause] of await causesOf(
    off.filter((one) => !near.includes(one)),
    rest,
    gone,
    limit,
  )) {
    causes.set(effect, cause);
  }
  return needs.map(({ found, ...need }) => ({
    ...need,
    found: found.map((place) => {
      const cause = causes.get(identityOf(need.url, place));
      return cause === undefined ? place : { ...place, values: [formatPath(cause.path)] };
    }),
  }));
}

/**
 * Returns a test whether the templates of the locations read a values path. The values of a subchart are below its
 * name.
 */
function readByTemplates(files: Files, places: readonly NetworkPlace[]): (path: string) => boolean {
  // Helm prefixes template paths with the chart name.
  const names = new Set(places.map(({ template }) => template.slice(template.indexOf('/') + 1)));
  const mentioned = [...files].flatMap(([name, text]) => (names.has(name) ? mentionedPaths(text) : []));
  const paths = new Set(mentioned.map((path) => formatPath(path)));
  return (path) => paths.has(path) || [...paths].some((short) => path.endsWith(`.${short}`));
}

/** Key of a need at the same object of another render, where document indexes may differ. */
function identityOf(url: string, { template, kind, name, path, within }: NetworkPlace): string {
  return JSON.stringify([url, template, kind, name, path, within]);
}
