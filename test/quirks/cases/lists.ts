import { errors, HTML_TYPE, JSON_TYPE, send } from '../fake/answers.ts';
import { image } from '../fake/content.ts';
import type { Exchange, FakeRegistry } from '../fake/registry.ts';
import { quirk, textFor } from '../quirk.ts';
import type { Run, Stage } from '../stage.ts';

/** Answers to the lists of a registry; undefined leaves a list as it is. */
interface Lists {
  readonly tags?: (exchange: Exchange) => unknown;
  readonly catalogue?: (exchange: Exchange) => unknown;
}

interface Listing {
  readonly run: Run;
  readonly registry: FakeRegistry;
  /** Tags of team/app that would be copied. */
  readonly tags: readonly string[];
}

/** Lists what `mirror` would copy of the repositories of a registry. */
async function list(stage: Stage, { tags, catalogue }: Lists, ...args: readonly string[]): Promise<Listing> {
  const registry = await stage.fake();
  registry.put('team/app', 'v1', image());
  registry.on((exchange) => {
    if (exchange.path === '/v2/_catalog') {
      return catalogue?.(exchange) ?? sendPage(exchange, { repositories: ['team/app'] });
    }
    return exchange.kind === 'tags' ? (tags?.(exchange) ?? sendPage(exchange, { tags: ['v1'] })) : undefined;
  });
  const flags = ['--to', 'target.example/m', '--plain-http', registry.host, ...stage.flags];
  const run = await stage.run(['mirror', '--list', '-o', 'json', '--from', registry.host, ...flags, ...args]);
  const [, document = '{}'] = /^(\{[\s\S]*?\n\})/.exec(run.text) ?? [];
  const { repositories = [] } = JSON.parse(document) as { repositories?: { tags: string[] }[] };
  return { run, registry, tags: repositories.flatMap((repository) => repository.tags) };
}

/** Answers with a list. @param next query or address of the next page */
function sendPage({ outgoing }: Exchange, content: object, next?: string): true {
  const link = next === undefined ? {} : { link: `<${next}>; rel="next"` };
  return send(outgoing, 200, JSON.stringify(content), { ...JSON_TYPE, ...link });
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `v${String(i).padStart(5, '0')}`);

const DISTRIBUTION_SPEC = 'https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-discovery';

for (const [name, next] of [
  ['relative', '/v2/team/app/tags/list?last=v1&n=1'],
  ['token', '/v2/team/app/tags/list?next_page=gAAAA%3D%3D&n=50'],
  ['other-path', '/repository/docker/v2/team/app/tags/list?n=1&last=v1'],
  ['shorter-path', '/v2/app/tags/list?last=1&n=1'],
  ['other-host', 'http://inside.example:5000/v2/team/app/tags/list?last=v1'],
] as const) {
  quirk({
    id: `lists/link-${name}`,
    weight: 'must',
    seenIn: textFor(name, {
      relative: 'distribution, Harbor, Zot',
      token: 'Quay before 3.12, ECR',
      'other-path': 'Nexus at the port of a connector',
      'shorter-path': 'Artifactory, which leaves out its own repository',
      'other-host': 'registries behind a proxy with another name',
    }),
    source: textFor(
      name,
      {
        token: 'https://github.com/deitch/docker_registry2/issues/56',
        'other-path': 'https://github.com/sonatype/nexus-public/issues/1011',
        'shorter-path': 'https://github.com/renovatebot/renovate/issues/15080',
      },
      DISTRIBUTION_SPEC,
    ),
    expected: 'the tags of all pages, from the registry itself',
    run: async (stage) => {
      const { run, tags } = await list(stage, {
        tags: (exchange) =>
          exchange.query.has('last') || exchange.query.has('next_page')
            ? sendPage(exchange, { tags: ['v2'] })
            : sendPage(exchange, { tags: ['v1'] }, next),
      });
      stage.succeeds(run);
      stage.check(tags.join() === 'v1,v2', `its tags are ${tags}`, run);
    },
  });
}

for (const status of [400, 413]) {
  quirk({
    id: `lists/number-refused-${status}`,
    weight: 'must',
    seenIn: textFor(status, { 400: 'distribution with a small catalog.maxentries', 413: 'Quay since 3.12' }),
    source: textFor(status, {
      400: 'https://github.com/Joxit/docker-registry-ui/issues/306',
      413: 'https://github.com/quay/quay/pull/2884',
    }),
    expected: 'asked again without a number',
    run: async (stage) => {
      const refuse = (exchange: Exchange): unknown =>
        exchange.query.has('n')
          ? send(exchange.outgoing, status, errors('PAGINATION_NUMBER_INVALID'), JSON_TYPE)
          : undefined;
      const { run, tags } = await list(stage, { tags: refuse, catalogue: refuse });
      stage.succeeds(run);
      stage.check(tags.join() === 'v1', `its tags are ${tags}`, run);
    },
  });
}

for (const [name, seenIn, source] of [
  ['refused', 'ECR', 'https://github.com/OctopusDeploy/Issues/issues/6495'],
  ['begins-again', 'registries that ignore "last"', 'https://github.com/parabuzzle/craneoperator/issues/52'],
  ['more', 'groups of Nexus before 3.64', 'https://github.com/sonatype/nexus-public/issues/117'],
] as const) {
  quirk({
    id: `lists/full-page-without-link-${name}`,
    weight: name === 'more' ? 'should' : 'must',
    seenIn,
    source,
    expected: 'what comes after the last name is asked for once, and may be nothing',
    run: async (stage) => {
      const { run, tags } = await list(stage, {
        tags: (exchange) => {
          if (!exchange.query.has('last')) return sendPage(exchange, { tags: names(1000) });
          if (name === 'refused') return send(exchange.outgoing, 405, errors('UNSUPPORTED'), JSON_TYPE);
          return sendPage(exchange, { tags: name === 'more' ? ['v2'] : names(1000) });
        },
      });
      stage.succeeds(run);
      stage.check(tags.length === (name === 'more' ? 1001 : 1000), `there are ${tags.length} tags`, run);
    },
  });
}

quirk({
  id: 'lists/endless',
  weight: 'should',
  seenIn: 'registries that link to the page itself',
  source: 'https://github.com/cap-js-community/mtx-tool/pull/75',
  expected: 'one error, soon',
  run: async (stage) => {
    const { run } = await list(stage, {
      tags: (exchange) => sendPage(exchange, { tags: ['v1'] }, '/v2/team/app/tags/list?last=v1'),
    });
    stage.fails(run, /again/, { within: 10 });
  },
});

quirk({
  id: 'lists/deleted-repository-in-catalogue',
  weight: 'must',
  seenIn: 'distribution, which keeps the names of repositories without content',
  source: 'https://github.com/distribution/distribution/issues/2314',
  expected: 'left out',
  run: async (stage) => {
    const { run, tags } = await list(stage, {
      catalogue: (exchange) => sendPage(exchange, { repositories: ['gone/app', 'null/app', 'team/app'] }),
      tags: (exchange) => {
        if (exchange.repository === 'null/app') return sendPage(exchange, { name: 'null/app', tags: null });
        if (exchange.repository !== 'gone/app') return undefined;
        return send(exchange.outgoing, 404, errors('NAME_UNKNOWN'), JSON_TYPE);
      },
    });
    stage.succeeds(run);
    stage.check(tags.join() === 'v1', `its tags are ${tags}`, run);
  },
});

for (const [name, seenIn] of [
  ['401', 'Docker Hub, GitLab, Harbor without the role of an administrator'],
  ['403', 'registries that deny it to this user'],
  ['404', 'GitHub, which has none, and proxies that block it'],
  ['405', 'registries that do not implement it'],
  ['web-page', 'front ends that answer unknown paths with their own page'],
  ['empty', 'Quay and MSR, for users without repositories of their own'],
] as const) {
  quirk({
    id: `lists/hidden-catalogue-${name}`,
    weight: 'must',
    seenIn,
    source: textFor(
      name,
      { 401: 'https://github.com/goharbor/harbor/issues/7898, https://github.com/Joxit/docker-registry-ui/issues/443' },
      'https://distribution.github.io/distribution/spec/api/#catalog',
    ),
    expected: 'one error that names --repositories, with which the same registry is listed',
    run: async (stage) => {
      const catalogue = (exchange: Exchange): unknown => {
        const { outgoing } = exchange;
        if (name === 'empty') return sendPage(exchange, { repositories: [] });
        if (name === 'web-page') return send(outgoing, 200, '<!doctype html><title>Home</title>', HTML_TYPE);
        const challenge = name === '401' ? { 'www-authenticate': 'Basic realm="r"' } : {};
        return send(outgoing, Number(name), errors('DENIED'), { ...JSON_TYPE, ...challenge });
      };
      const { run } = await list(stage, { catalogue }, '--repository', 'team/*');
      stage.fails(run, /--repositories/, { within: 20 });
      const file = stage.file('repositories.txt', 'team/app # the only one\n');
      const again = await list(stage, { catalogue }, '--repository', 'team/*', '--repositories', file);
      stage.succeeds(again.run);
      stage.check(again.tags.join() === 'v1', `its tags are ${again.tags}`, again.run);
    },
  });
}
