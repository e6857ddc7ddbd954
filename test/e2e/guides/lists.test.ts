import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type ChartRepository, startChartRepository } from '../../support/chart-repository.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { airgapOk } from '../../support/cli.ts';
import { expectLine } from '../../support/facts.ts';
import { runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** The commands of docs/guides/lists.md, with a chart repository and registries on loopback. */

const [home, cwd] = [scratchFolder(), scratchFolder()];
/** What the lists of the page name, and the image of the chart, which no list has. */
const LISTED = ['haproxy:3.0', 'redis:7.2'].map((name) => `docker.io/library/${name}`);
const TEAM = ['ghcr.io/team/job:3', 'quay.io/team/backup:2', 'quay.io/team/web:1.4.2'];
const SHOP = 'quay.io/shop/front:9';
const ALL = [...LISTED, ...TEAM, SHOP].sort();

let upstream: TestRegistry;
let target: TestRegistry;
let repository: ChartRepository;

beforeAll(async () => {
  const chart = await writeFiles(join(home, 'shop'), {
    'Chart.yaml': chartYaml('shop'),
    'templates/pod.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "${SHOP}"}]}\n`,
  });
  [upstream, target, repository] = await Promise.all([
    startRegistry(),
    startRegistry(),
    startChartRepository(home, [chart]),
  ]);
  await fillUpstream(upstream.host, ALL);
});
afterAll(() => Promise.all([upstream.stop(), target.stop(), repository.stop()]));

test('lists in three formats become one file, a bundle and lists again', { timeout: 300_000 }, async () => {
  const runs = await runPage('docs/guides/lists.md', {
    cwd,
    home,
    replace: { 'https://charts.example.com': repository.url, 'registry.example.com': target.host },
    flags: (command) => {
      if (command === 'push') return ['--plain-http', target.host];
      if (command !== 'bundle' && command !== 'images') return [];
      return ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
    },
  });
  const [imported, , wrong, written] = runs;

  const text = readFileSync(join(cwd, 'airgap.yaml'), 'utf8');
  const config = parse(text);
  expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=airgap.schema.json');
  expect(config.charts).toEqual([{ chart: 'shop', repo: repository.url, version: '1.0.0' }]);
  expect(config.images.toSorted()).toEqual([...LISTED, ...TEAM].sort());
  expectLine(text, 'quay.io/team/web:1.4.2', 'site-manifest.sh:8');
  for (const place of ['hauler-manifest.yaml:14', 'compose.yaml:3']) expectLine(imported?.output ?? '', place);

  expectLine(wrong?.output ?? '', 'more.yaml:3', 'Web 1.4.2');
  expect(existsSync(join(cwd, 'more.airgap.yaml'))).toBe(false);

  // The registry has what the lists named, the chart, and what the chart needs.
  const tags = tagsOf(target).map((line) => line.split(' ')[0]);
  for (const image of ALL) expect(tags).toContain(`site/${image}`);
  expect(tags).toContain('site/charts/shop:1.0.0');
  expect(tags).toHaveLength(ALL.length + 1);

  // The arrays that bash read, and what the other lists name when they are read again.
  expect(written?.output.trim().split('\n').slice(-ALL.length).sort()).toEqual(ALL);
  for (const file of ['images.sh', 'hauler.yaml', 'zarf.yaml', 'sync.yaml']) {
    const { stdout } = await airgapOk(['import', file, '-o', 'json'], home, { cwd });
    expect(
      JSON.parse(stdout)
        .images.map(({ image }: { image: string }) => image)
        .sort(),
      file,
    ).toEqual(ALL);
  }
});
