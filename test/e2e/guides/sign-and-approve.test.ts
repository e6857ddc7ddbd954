import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { airgapOk } from '../../support/cli.ts';
import { expectFacts, expectLine } from '../../support/facts.ts';
import { runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** The commands of docs/guides/sign-and-approve.md. The older bundle has the builder's signature only. */

const [home, cwd] = [scratchFolder(), scratchFolder()];
let upstream: TestRegistry;
let target: TestRegistry;

const shop = (version: string) =>
  writeFiles(join(cwd, 'shop'), {
    'Chart.yaml': chartYaml('shop'),
    'values.yaml': `image: quay.io/shop/web:${version}\n`,
    'templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "{{ .Values.image }}"}]}\n',
  });
const access = () => ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  await fillUpstream(upstream.host, ['quay.io/shop/web:1', 'quay.io/shop/web:2']);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

test('only what both have signed gets into the registry', { timeout: 120_000 }, async () => {
  const runs = await runPage('docs/guides/sign-and-approve.md', {
    cwd,
    home,
    replace: { 'registry.example.com': target.host },
    flags: (command) => (command === 'push' ? ['--plain-http', target.host] : command === 'bundle' ? access() : []),
    before: async ({ heading }) => {
      if (heading !== 'Build' || existsSync(join(cwd, 'shop-1.tar'))) return;
      await shop('1');
      const signing = ['--sign', join(cwd, 'builder.pem'), '--out', join(cwd, 'shop-1.tar')];
      await airgapOk(['bundle', join(cwd, 'shop'), ...access(), ...signing], home);
      await shop('2');
    },
  });
  const ticket = readFileSync(join(cwd, 'ticket.md'), 'utf8');
  expectFacts(
    readFileSync(join(cwd, 'report.html'), 'utf8'),
    'quay.io/shop/web',
    /the reference of 1 chart is private/,
  );
  expectLine(ticket, 'quay.io/shop/web', '`1`', '`2`');
  expectFacts(runs.at(-1)?.output ?? '', 'reviewer.pub', /signature/);
  const tags = tagsOf(target, 'mirror').map((line) => line.split(' ')[0]);
  expect(tags.sort()).toEqual(['charts/shop:1.0.0', 'quay.io/shop/web:2']);
  expect(existsSync(join(cwd, 'web.tar'))).toBe(true);
});
