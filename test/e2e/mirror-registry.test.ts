import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectLine, expectWarning } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { type ObservingProxy, startObservingProxy } from '../support/observing-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf, treeOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';

/** Repositories of a registry: what is chosen, plans, and registries that change or do not say what they have. */

const home = scratchFolder();
const WRITES = /^(?:POST|PUT|PATCH|DELETE)$/;
const TAGS: Readonly<Record<string, readonly string[]>> = {
  'team/api': ['v1.0.0', 'v1.2.0', 'v1.10.0', 'latest'],
  'team/web': ['v2.0.0', 'v2.1.0'],
  'other/tool': ['v1.0.0'],
};
let upstream: TestRegistry;
let source: ObservingProxy;

beforeAll(async () => {
  upstream = await startRegistry();
  source = await startObservingProxy(upstream.host);
  for (const [repository, tags] of Object.entries(TAGS)) {
    for (const [i, tag] of tags.entries()) {
      const created = `2026-0${i + 1}-15T12:00:00Z`;
      await pushImage(upstream.host, repository, tag, { sharedLayer: 'base', platforms: ['linux/amd64'], created });
    }
  }
});
afterAll(async () => {
  await source.stop();
  await upstream.stop();
});
beforeEach(() => source.begin());

interface Target extends TestRegistry {
  /** In front of it. */
  readonly proxy: ObservingProxy;
  readonly to: readonly string[];
}

/** A registry with nothing in it. */
async function withTarget(use: (target: Target) => Promise<void>): Promise<void> {
  const registry = await startRegistry();
  const proxy = await startObservingProxy(registry.host);
  const to = ['--to', `${proxy.host}/m`, '--naming', 'path', '--plain-http', proxy.host, '--plain-http', source.host];
  try {
    await use({ ...registry, proxy, to });
  } finally {
    await proxy.stop();
    await registry.stop();
  }
}

const from = (...args: readonly string[]): string[] => ['mirror', '--from', source.host, ...args];
const json = async (args: readonly string[]) => JSON.parse((await airgapOk([...args, '-o', 'json'], home)).stdout);
/** `REPOSITORY:TAG` of a registry under `m`. */
const namesOf = (registry: TestRegistry): string[] => tagsOf(registry, 'm').map((line) => line.split(' ')[0] as string);
const file = (name: string, text: string): string => {
  writeFileSync(join(home, name), text);
  return join(home, name);
};

test('a whole registry, and again: one question for each tag on each side', () =>
  withTarget(async (target) => {
    await json(from(...target.to));
    expect(treeOf(target, 'm')).toEqual(treeOf(upstream));
    source.begin();
    target.proxy.begin();
    await json(from(...target.to));
    expect(target.proxy.count(WRITES)).toBe(0);
    const heads = ({ count }: ObservingProxy): number => count(/^HEAD$/, /\/manifests\/(?:v|latest)/);
    expect([heads(source), heads(target.proxy)]).toEqual([7, 7]);
    expect(source.count(/./, /\/tags\/list/)).toBe(3);
    expect(source.count(/./, /\/_catalog/)).toBeLessThanOrEqual(2);
    expect(source.count(/^GET$/, /\/manifests\/|\/blobs\//)).toBe(0);
  }));

test.each([
  [
    ['--repository', 'team/*', '--tag', '^v'],
    ['team/api:v1.0.0', 'team/api:v1.10.0', 'team/api:v1.2.0', 'team/web:v2.0.0', 'team/web:v2.1.0'],
  ],
  [
    ['--repository', 'team/*', '--tag', '^v', '--newest', '1'],
    ['team/api:v1.10.0', 'team/web:v2.1.0'],
  ],
  [
    ['--repository', 'other/*', '--repository', '*/web', '--tag', '^v1', '--tag', '2\\.1'],
    ['other/tool:v1.0.0', 'team/web:v2.1.0'],
  ],
  [
    ['--newer-than', '2026-03-01'],
    ['team/api:latest', 'team/api:v1.10.0'],
  ],
])('%j chooses tags, --list names them and copies nothing', (flags, names) =>
  withTarget(async (target) => {
    const listed = await json(from(...flags, '--list', '--plain-http', source.host));
    const said = listed.repositories.flatMap(({ repository, tags }: { repository: string; tags: string[] }) =>
      tags.map((tag) => `${repository}:${tag}`.replace(`${source.host}/`, '')),
    );
    expect(said.sort()).toEqual(names);
    await json(from(...flags, ...target.to));
    expect(namesOf(target)).toEqual(names);
  }),
);

test('a registry that hides its catalogue says so, and takes a list of repositories', () =>
  withTarget(async (target) => {
    for (const status of [401, 403, 404, 405]) {
      const hidden = await startTamperingProxy(upstream.host, (_, path) =>
        path.startsWith('/v2/_catalog') ? { kind: 'status', status } : undefined,
      );
      try {
        const own = ['mirror', '--from', hidden.host, '--plain-http', hidden.host, ...target.to];
        const run = await airgap(own, home);
        expect([run.code, target.proxy.count(WRITES)], run.stderr).toEqual([1, 0]);
        expectLine(run.stderr, /^Error: /, hidden.host);
        expectLine(run.stderr, /^Hint: /, '--repositories');
        if (status !== 404) continue;
        const repositories = file('repositories.txt', '# mine\nteam/web\n\nother/tool\n');
        await json([...own, '--repositories', repositories]);
        expect(namesOf(target)).toEqual(['other/tool:v1.0.0', 'team/web:v2.0.0', 'team/web:v2.1.0']);
      } finally {
        await hidden.stop();
        target.proxy.begin();
      }
    }
  }));

test('a plan is written once, can be edited, and is what a killed run goes on with', () =>
  withTarget(async (target) => {
    const plan = join(home, 'tags.json');
    let [puts, kill] = [0, () => {}];
    const when = new Promise<void>((resolve) => {
      kill = resolve;
    });
    target.proxy.begin(({ method, path }) => {
      if (method !== 'PUT' || !path.includes('/manifests/') || ++puts < 3) return undefined;
      kill();
      return new Promise((resolve) => setTimeout(resolve, 300));
    });
    const args = from('--plan', plan, ...target.to);
    const killed = await airgap(args, home, { interruptAt: { signal: 'SIGKILL', when } });
    expect(killed.code).not.toBe(0);
    const written = JSON.parse(readFileSync(plan, 'utf8'));
    expect(written).toMatchObject({ apiVersion: 'airgap/v1', kind: 'MirrorPlan' });
    expect(written.repositories).toHaveLength(3);
    // Tags that appear later are not in the plan.
    await pushImage(upstream.host, 'team/web', 'v3', { platforms: ['linux/amd64'] });
    written.repositories = written.repositories.filter(
      ({ repository }: { repository: string }) => !repository.endsWith('/tool'),
    );
    const edited = `${JSON.stringify(written, null, 1)}\n`;
    writeFileSync(plan, edited);
    source.begin();
    target.proxy.begin();
    await json(args);
    expect(source.count(/./, /\/_catalog/)).toBe(0);
    expect(readFileSync(plan, 'utf8')).toBe(edited);
    const names = namesOf(target).filter((name) => !name.startsWith('other/'));
    expect(names).toEqual(
      [...(TAGS['team/api'] as string[]), ...(TAGS['team/web'] as string[])]
        .map((tag) => `team/${tag.startsWith('v2') ? 'web' : 'api'}:${tag}`)
        .sort(),
    );
    rmSync(join(upstream.repositories, 'team/web/_manifests/tags/v3'), { recursive: true });

    for (const [text, fact] of [
      [edited.replace('airgap/v1', 'airgap/v2'), 'airgap/v2'],
      [edited.replace('MirrorPlan', 'Lock'), 'Lock'],
      [edited.replace('"tags"', '"labels"'), 'labels'],
      ['{', plan],
    ] as const) {
      writeFileSync(plan, text);
      target.proxy.begin();
      const run = await airgap(args, home);
      expect([run.code, target.proxy.requests.length], run.stderr).toEqual([2, 0]);
      expectLine(run.stderr, /^Error: /, plan);
      expect(run.stderr).toContain(fact);
      expect(readFileSync(plan, 'utf8')).toBe(text);
    }
  }));

test('a tag that is deleted after the lists were read is left out with a warning; one of a plan is an error', () =>
  withTarget(async (target) => {
    const folder = join(upstream.repositories, 'team/web/_manifests/tags/gone');
    const plan = join(home, 'with-gone.json');
    await pushImage(upstream.host, 'team/web', 'gone', { platforms: ['linux/amd64'] });
    source.begin(({ path }) => {
      // The lists were read.
      if (path.includes('/manifests/')) rmSync(folder, { recursive: true, force: true });
      return undefined;
    });
    const run = await airgap(from('--plan', plan, ...target.to), home);
    expect(existsSync(folder)).toBe(false);
    expect(run.code, run.stderr).toBe(0);
    expectWarning(run, `${source.host}/team/web:gone`);
    expect(tagsOf(target, 'm')).toEqual(tagsOf(upstream));
    const planned = await airgap(from('--plan', plan, ...target.to), home);
    expect(planned.code, planned.stderr).toBe(1);
    expectLine(planned.stderr, `${source.host}/team/web:gone`);
  }));

test('a skopeo sync file; fields that are not known or not safe are named', () =>
  withTarget(async (target) => {
    const sync = (extra = ''): string =>
      file(
        'sync.yaml',
        `${source.host}:
  images:
    team/web: []
    team/api: ["v1.0.0", latest]
  images-by-tag-regex:
    other/tool: ^v1
${extra}`,
      );
    await json(['mirror', '--skopeo-sync', sync(), ...target.to]);
    expect(namesOf(target)).toEqual([
      'other/tool:v1.0.0',
      'team/api:latest',
      'team/api:v1.0.0',
      'team/web:v2.0.0',
      'team/web:v2.1.0',
    ]);
    target.proxy.begin();
    for (const [extra, field] of [
      ['  images-by-colour: {}\n', 'images-by-colour'],
      ['  tls-verify: false\n', 'tls-verify'],
    ] as const) {
      const unknown = await airgap(['mirror', '--skopeo-sync', sync(extra), ...target.to], home);
      expect([unknown.code, target.proxy.requests.length]).toEqual([2, 0]);
      expectLine(unknown.stderr, /^Error: /, field, 'sync.yaml');
    }
  }));

test('airgap.yaml: the same by `from`', () =>
  withTarget(async (target) => {
    const config = file(
      'airgap.yaml',
      `apiVersion: airgap/v1
kind: Config
from:
  - registry: ${source.host}
    repositories: ["team/*"]
    tags: ["^v1"]
    newest: 2
naming: {default: path}
plainHttp: ["${source.host}", "${target.proxy.host}"]
`,
    );
    expect(parse(readFileSync(config, 'utf8')).from).toHaveLength(1);
    await json(['mirror', '--config', config, '--to', `${target.proxy.host}/m`]);
    expect(namesOf(target)).toEqual(['team/api:v1.10.0', 'team/api:v1.2.0']);
  }));

test('--list needs no target, and says what to type to copy the same', async () => {
  const flags = ['--repository', 'team/*', '--tag', '^v', '--newest', '1', '--newer-than', '2026-02-01'];
  const { stdout, stderr } = await airgapOk(from(...flags, '--list', '--plain-http', source.host), home);
  expectLine(stdout, `${source.host}/team/api:v1.10.0`);
  expectLine(stderr, /^next: helm airgap mirror /, '--newest 1', '--newer-than 2026-02-01', '--to REGISTRY');
  expect(stderr).not.toContain('--list');
  const sharded = await airgapOk(from('--shard', '1/2', '--list', '--plain-http', source.host), home);
  expectLine(sharded.stderr, /^next: /, '--shard 1/2');
  const copied = await airgap(from('--plain-http', source.host), home);
  expect(copied.code).toBe(2);
  expect(copied.stderr).toContain('--to');
});

test('what selects nothing, is no registry or does not answer is an error before anything is written', () =>
  withTarget(async (target) => {
    const plan = join(home, 'never.json');
    for (const [args, fact, code] of [
      [from('--repository', 'nobody/*'), 'nobody/*', 2],
      [from('--exclude', '*'), '--exclude', 2],
      [['mirror', '--plan', plan], plan, 2],
      [from('--plan', plan, '--shard', '0/2'), plan, 2],
      [['mirror', '--from', `http://${source.host}/team`], 'team/*', 2],
      [['mirror', '--newest', '3'], '--from', 2],
      [['mirror'], '--from', 2],
      [['mirror', '--from', 'registry.invalid'], 'registry.invalid', 1],
    ] as const) {
      const run = await airgap([...args, ...target.to], home);
      expect([run.code, target.proxy.requests.length], run.stderr).toEqual([code, 0]);
      expectLine(run.stderr, /^Error: /);
      expect(run.stderr).toContain(fact);
    }
    expect(existsSync(plan)).toBe(false);
  }));
