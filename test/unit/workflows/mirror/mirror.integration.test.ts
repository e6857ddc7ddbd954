import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectLine } from '../../../support/facts.ts';
import { HELMS } from '../../../support/helm.ts';
import { pushImage } from '../../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { tagsOf } from '../../../support/registry-tree.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap, type Ended } from '../../../support/terminal.ts';

/** What a run of `mirror` takes from several places at once: charts and lists, mirrors and targets, plans and exclusions. */

const folder = scratchFolder();
let source: TestRegistry;
let target: TestRegistry;
let to: readonly string[];

beforeAll(async () => {
  [source, target] = await Promise.all([startRegistry(), startRegistry()]);
  await pushImage(source.host, 'team/web', '1');
  await pushImage(source.host, 'team/tool', '1');
  to = ['--plain-http', source.host, '--plain-http', target.host, '--to'];
});
afterAll(() => Promise.all([source.stop(), target.stop()]));

function mirror(...args: readonly string[]): Promise<Ended> {
  const env = { HOME: folder, TMPDIR: folder, PATH: process.env.PATH ?? '', HELM_BIN: HELMS.at(-1)?.path ?? '' };
  return airgap(['mirror', ...args], env, folder);
}

async function copied(...args: readonly string[]): Promise<{ target: string; status: string }[]> {
  const { code, out, err } = await mirror(...args, '-o', 'json');
  expect(code, err).toBe(0);
  return JSON.parse(out).images;
}

it('says what the target has of charts and of lists, with a naming that depends on the charts', async () => {
  const chart = join(folder, 'shop');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
  const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "${source.host}/team/web:1"}]}\n`;
  writeFileSync(join(chart, 'templates', 'pod.yaml'), pod);
  const lists = ['--from', source.host, '--repository', 'team/tool'];
  const args = [chart, ...lists, ...to, `${target.host}/written`, '--naming', 'as-written'];
  const first = await copied(...args);
  expect(first.map(({ status }) => status)).toEqual(['pushed', 'pushed']);
  const second = await copied(...args);
  const names = (images: typeof first): string[] => images.map((image) => image.target).sort();
  expect(names(second)).toEqual(names(first));
  expect(second.map(({ status }) => status)).toEqual(['present', 'present']);
});

it('refuses a mirror of the source that is the copy itself: it would never change', async () => {
  const image = ['--image', 'quay.io/team/web:1'];
  for (const fallback of [[], ['--mirror', `quay.io=${source.host}`]]) {
    const own = ['--mirror', `quay.io=${target.host}/own`, ...fallback];
    const run = await mirror(...image, ...own, ...to, `${target.host}/own`, '--naming', 'path');
    expect(run.code, run.err).toBe(2);
    expectLine(run.err, /^Error: /, `${target.host}/own/team/web`);
  }
  const other = ['--mirror', `quay.io=${source.host}`];
  expect(await copied(...image, ...other, ...to, `${target.host}/own`, '--naming', 'path')).toHaveLength(1);
});

it('leaves out what --exclude names although a plan has it', async () => {
  const plan = ['--plan', join(folder, 'plan.json')];
  const listing = await mirror('--from', source.host, ...plan, '--list', '--plain-http', source.host);
  expect(listing.code, listing.err).toBe(0);
  await copied(...plan, '--exclude', `${source.host}/team/tool:*`, ...to, `${target.host}/planned`, '--naming', 'path');
  expect(tagsOf(target, 'planned').map((tag) => tag.split(' ')[0])).toEqual([expect.stringContaining('team/web')]);
});
