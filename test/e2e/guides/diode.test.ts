import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** The commands of docs/guides/diode.md, with folders for the ends of the diode, which loses two parts and a file of par2. */

const [home, cwd] = [scratchFolder(), scratchFolder()];
const IMAGES = ['quay.io/shop/web:2', 'quay.io/shop/job:1'];
const PART = '6000';
const LOST = ['shop.tar.002', 'shop.tar.004', 'shop.tar.par2'];

let upstream: TestRegistry;
let target: TestRegistry;

beforeAll(async () => {
  await writeFiles(join(cwd, 'shop'), {
    'Chart.yaml': chartYaml('shop'),
    'templates/pod.yaml': `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [${IMAGES.map((image, i) => `{name: c${i}, image: "${image}"}`).join(', ')}]}\n`,
  });
  for (const end of ['out', 'in']) mkdirSync(join(cwd, end));
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  await fillUpstream(upstream.host, IMAGES);
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

test('two lost parts are rebuilt, and the bundle is verified and pushed', { timeout: 120_000 }, async () => {
  const names = (end: string): string[] => readdirSync(join(cwd, end)).sort();
  let lost: string[] = [];
  await runPage('docs/guides/diode.md', {
    cwd,
    home,
    replace: {
      '1GiB': PART,
      '256*1024*1024': `${Number(PART) / 4}`,
      '/diode/out/': join(cwd, 'out/'),
      '/diode/in': join(cwd, 'in'),
      'registry.example.com': target.host,
    },
    flags: (command) => {
      if (command === 'push') return ['--plain-http', target.host];
      return command === 'bundle' ? ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host] : [];
    },
    before: ({ heading }) => {
      if (heading !== 'Receive' || names('in').length > 0) return;
      copyFileSync(join(cwd, 'release.pub'), join(cwd, 'in/release.pub'));
      lost = names('out').filter((name) => LOST.includes(name));
      for (const name of names('out'))
        if (!LOST.includes(name)) copyFileSync(join(cwd, 'out', name), join(cwd, 'in', name));
    },
  });
  expect(lost).toEqual(LOST);
  expect(readFileSync(join(cwd, 'in/missing.txt'), 'utf8').split('\n')).toEqual(['shop.tar.002', 'shop.tar.004', '']);
  for (const name of names('out').filter((file) => /\.\d{3}$/.test(file)))
    expect(readFileSync(join(cwd, 'in', name)).equals(readFileSync(join(cwd, name))), name).toBe(true);
  const tags = tagsOf(target, 'mirror').map((line) => line.split(' ')[0]);
  expect(tags.sort()).toEqual(['charts/shop:1.0.0', ...IMAGES].sort());
});
