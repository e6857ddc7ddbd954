import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startUpstreamOf } from '../../support/chart-upstream.ts';
import { fixtureChart } from '../../support/charts.ts';
import { type PageRun, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** docs/guides/charts-with-overrides.md: all of its commands, and what came out. */

const home = scratchFolder();
const cwd = join(home, 'work');
let registry: TestRegistry;
let runs: PageRun[];

beforeAll(async () => {
  mkdirSync(cwd);
  cpSync(fixtureChart('shop'), join(cwd, 'shop'), { recursive: true });
  const upstream = await startUpstreamOf(fixtureChart('shop'), home);
  registry = await startRegistry();
  const plain = ['--plain-http', registry.host];
  runs = await runPage('docs/guides/charts-with-overrides.md', {
    cwd,
    home,
    replace: {
      'oci://registry.example.com': `--plain-http oci://${registry.host}`,
      'registry.example.com': registry.host,
    },
    flags: (command) => (command === 'bundle' ? upstream.mirror : ['push', 'values'].includes(command) ? plain : []),
  });
  await upstream.stop();
}, 180_000);
afterAll(() => registry.stop());

const outputOf = (text: string): string => runs.find((run) => run.text.includes(text))?.output ?? '';

/** References in a render, in images, arguments and ConfigMaps. */
function referencesIn(render: string): string[] {
  const names = render.match(
    /[\w.-]+(?::\d+)?(?:\/[\w.-]+)*\/(?:web|init|proxy|worker|migrate|reports|busybox|redis)\b/g,
  );
  return [...new Set(names)].sort();
}

test('the address alone installs private images', () => {
  const names = referencesIn(outputOf('helm template shop oci://'));
  expect(names.length).toBeGreaterThanOrEqual(7);
  expect(names.filter((name) => !name.startsWith(`${registry.host}/mirror/`))).toEqual([]);
});

test("the reader's own values win", () => {
  const render = outputOf('--values site.yaml');
  expect(render).toContain('replicas: 3');
  const own = referencesIn(render).filter((name) => !name.startsWith(`${registry.host}/mirror/`));
  expect(own).toEqual([`${registry.host}/team/web`]);
});

test('the upstream chart is there unchanged, and the changed one names it and its changes', async () => {
  const shown = outputOf('helm show chart');
  const manifest = /vnd.helm-airgap.upstream-manifest-digest: (\S+)/.exec(shown)?.[1] ?? '';
  // What Helm pulled from mirror/charts and mirror/installed, in this order.
  const [, upstream, installed] = [...shown.matchAll(/^Digest: (\S+)$/gm)].map(([, digest]) => digest);
  expect(upstream).toBe(manifest);
  expect(installed).not.toBe(manifest);
  const differing = [...shown.matchAll(/^(?:diff -r|Only in) (?:\S+ )*?installed\/shop(?:\/|: )(\S+)/gm)];
  expect(differing.map(([, file]) => file).sort()).toEqual(['Chart.yaml', 'airgap-changes.json', 'values.yaml']);
  const text = readFileSync(join(cwd, 'installed/shop/values.yaml'), 'utf8');
  expect(text).toContain('# One registry for all images');
  const comments = (values: string): string[] => values.match(/#.*$/gm) ?? [];
  const original = readFileSync(join(cwd, 'upstream/shop/values.yaml'), 'utf8');
  expect(comments(text)).toEqual(comments(original));
});

test('charts of a bundle are pushed one by one', async () => {
  expect(readdirSync(join(cwd, 'charts'))).toEqual(['shop-1.4.0.tgz']);
  const tags = await fetch(`${registry.url}/v2/mirror/all/shop/tags/list`);
  expect(await tags.json()).toMatchObject({ tags: ['1.4.0'] });
});
