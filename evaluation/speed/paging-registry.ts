/**
 * A registry in memory, in a process of its own, which sends its lists in pages: paging-registry.ts REPOSITORIES TAGS PAGE.
 * It sends its host to the process that has forked it. It answers `counts` with the numbers of requests since the last time, and
 * `digests` with those of all tags, by `REPOSITORY:TAG`.
 */

import { errors, JSON_TYPE, send } from '../../test/quirks/fake/answers.ts';
import { image, layerOf } from '../../test/quirks/fake/content.ts';
import { type Exchange, FakeRegistry } from '../../test/quirks/fake/registry.ts';

/** Repositories in one namespace. */
const NAMESPACE = 20;

const [repositories = 0, tags = 0, page = 0] = process.argv.slice(2).map(Number);
// As registries that are built on distribution 2 have none.
const registry = await FakeRegistry.start({ referrers: false });
for (let r = 0; r < repositories; r++) {
  const path = `team-${Math.floor(r / NAMESPACE)}/app-${r % NAMESPACE}`;
  const base = layerOf(2000);
  for (let t = 0; t < tags; t++) {
    const config = Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', config: { Labels: { path, t } } }));
    registry.put(path, `1.${Math.floor(t / 10)}.${t % 10}`, image({ layers: [base, layerOf(500)], config }));
  }
}
registry.on((exchange) => {
  if (exchange.path === '/v2/_catalog') return sendPage(exchange, 'repositories', [...registry.repositories.keys()]);
  if (exchange.kind !== 'tags') return false;
  const found = registry.repositories.get(exchange.repository);
  if (found === undefined) return send(exchange.outgoing, 404, errors('NAME_UNKNOWN'), JSON_TYPE);
  return sendPage(exchange, 'tags', [...found.tags.keys()]);
});

/** Sends the names after `last`, at most as many as a page has, and the address of the next page in a header. */
function sendPage({ query, outgoing, path }: Exchange, field: string, names: readonly string[]): true {
  const sorted = names.toSorted();
  const last = query.get('last');
  const limit = Math.min(Number(query.get('n') ?? page), page);
  const start = last === null ? 0 : sorted.findIndex((name) => name > last);
  const shown = start < 0 ? [] : sorted.slice(start, start + limit);
  const isLast = start < 0 || start + limit >= sorted.length;
  const next = `<${path}?n=${limit}&last=${encodeURIComponent(shown.at(-1) ?? '')}>; rel="next"`;
  return send(outgoing, 200, JSON.stringify({ [field]: shown }), { ...JSON_TYPE, ...(isLast ? {} : { link: next }) });
}

/** Counts requests by method and end point: `HEAD manifest`. */
function counts(): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { method, kind, path } of registry.log.splice(0)) {
    const what = `${method} ${path === '/v2/_catalog' ? 'catalog' : kind}`;
    all[what] = (all[what] ?? 0) + 1;
  }
  return all;
}

function digests(): Record<string, string> {
  const all = [...registry.repositories].flatMap(([path, { tags }]) =>
    [...tags].map(([tag, digest]) => [`${path}:${tag}`, digest] as const),
  );
  return Object.fromEntries(all);
}

process.on('message', (what) => process.send?.(what === 'digests' ? digests() : counts()));
process.on('disconnect', () => process.exit());
process.send?.(registry.host);
