import { basicOf } from '../../support/basic.ts';
import { errors, JSON_TYPE, send } from '../fake/answers.ts';
import { image } from '../fake/content.ts';
import type { FakeRegistry, Hook } from '../fake/registry.ts';
import { wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { GGCR } from '../sources.ts';
import type { Run, Stage } from '../stage.ts';

/** Catalogues of registries, as `mirror --from` reads them; their pages are in lists.ts. */

const CATALOG = '/v2/_catalog';

/** Answers requests for the catalogue. */
function catalog(answer: (exchange: Parameters<Hook>[0]) => true): Hook {
  return (exchange) => (exchange.path === CATALOG ? answer(exchange) : undefined);
}

const page = (outgoing: Parameters<typeof send>[0], repositories: readonly string[]): true =>
  send(outgoing, 200, JSON.stringify({ repositories }), JSON_TYPE);

/** A registry with these repositories, each with tag 1. */
async function filled(stage: Stage, names: readonly string[]): Promise<FakeRegistry> {
  const registry = await stage.fake();
  for (const name of names) registry.put(name, '1', image());
  registry.on(({ kind, repository, outgoing }) =>
    kind === 'tags' ? send(outgoing, 200, JSON.stringify({ name: repository, tags: ['1'] }), JSON_TYPE) : undefined,
  );
  return registry;
}

const list = (stage: Stage, { host }: FakeRegistry): Promise<Run> =>
  stage.run(['mirror', '--from', host, '--list', '--plain-http', host]);

/** Checks that a list has exactly these repositories. */
function lists(stage: Stage, run: Run, { host }: FakeRegistry, names: readonly string[]): void {
  stage.succeeds(run);
  const found = run.text.split('\n').filter((line) => line.startsWith(`${host}/`));
  const expected = names.map((name) => `${host}/${name}:1`);
  stage.check(found.join() === expected.join(), `lists ${found.length} images, not these ${expected.length}`, run);
}

quirk({
  id: 'catalog/basic-beside-tokens',
  weight: 'must',
  seenIn: 'Harbor: its catalogue takes no token',
  source: 'https://github.com/goharbor/harbor/issues/13573',
  expected: 'the catalogue is read with user and password, tags and manifests with tokens',
  run: async (stage) => {
    const registry = await filled(stage, ['team/app']);
    stage.login(registry.host, 'robot', 'geheim');
    const isKnown = ({ authorization }: { readonly authorization?: string | undefined }): boolean =>
      authorization === basicOf('robot:geheim');
    wantTokens(registry, { anonymous: false, admits: isKnown });
    registry.on(
      catalog((exchange) =>
        isKnown(exchange)
          ? page(exchange.outgoing, ['team/app'])
          : send(exchange.outgoing, 401, errors('UNAUTHORIZED', 'unauthorized to list catalog'), {
              ...JSON_TYPE,
              'www-authenticate': 'Basic realm="harbor"',
            }),
      ),
    );
    lists(stage, await list(stage, registry), registry, ['team/app']);
  },
});

quirk({
  id: 'catalog/cut-without-a-next-page',
  weight: 'should',
  seenIn: 'crane registry serve and what is built on it: any n names, in any order, whatever `last` is',
  source: `${GGCR}/blob/v0.22.1/pkg/registry/manifest.go#L324`,
  expected: 'asks on after a full page, until no new names come',
  run: async (stage) => {
    const names = Array.from({ length: 1500 }, (_, i) => `team/app-${String(i).padStart(4, '0')}`);
    const registry = await filled(stage, names);
    let asked = 0;
    registry.on(
      catalog(({ outgoing, query }) => {
        const start = (asked++ * 700) % names.length;
        const turned = [...names.slice(start), ...names.slice(0, start)];
        return page(outgoing, turned.slice(0, Number(query.get('n') ?? names.length)));
      }),
    );
    lists(stage, await list(stage, registry), registry, names);
  },
});
