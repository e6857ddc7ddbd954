import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtureChart } from '../../support/charts.ts';
import { airgapOk, cleanEnvironment, helmUnderTest } from '../../support/cli.ts';
import { imagesOf } from '../../support/installer.ts';
import { type PageRun, PROGRAMS, pageBlocks, runPage } from '../../support/page.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { tagsOf } from '../../support/registry-tree.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { fillUpstream } from '../../support/upstream.ts';

/** The scripts of docs/guides/chart-wrapper.md, exactly as the page has them: in a packaged chart, and in its folder. */

const PAGE = 'docs/guides/chart-wrapper.md';
const scripts = pageBlocks(PAGE).filter(({ mark }) => mark.startsWith('file=shop/scripts/'));
const [home, cwd] = [scratchFolder(), join(scratchFolder(), 'with a space')];
let upstream: TestRegistry;
let target: TestRegistry;
let references: string[];
let runs: PageRun[];

beforeAll(async () => {
  [upstream, target] = await Promise.all([startRegistry(), startRegistry()]);
  const { stdout } = await airgapOk(['images', fixtureChart('shop'), '-o', 'txt'], home);
  references = stdout.trim().split('\n');
  await fillUpstream(upstream.host, references);
  mkdirSync(cwd);
  cpSync(fixtureChart('shop'), join(cwd, 'shop'), { recursive: true });
  const read = ['--mirror', `*=${upstream.host}`, '--plain-http', upstream.host];
  const write = ['--plain-http', target.host];
  const byCommand: Readonly<Record<string, readonly string[]>> = {
    bundle: read,
    mirror: [...read, ...write],
    push: write,
    values: write,
  };
  runs = await runPage(PAGE, {
    cwd,
    home,
    // There is no cluster: Helm renders what it would install.
    replace: { 'registry.example.com': target.host, 'helm upgrade --install': 'helm template' },
    flags: (command) => byCommand[command] ?? [],
    // The author's scripts are programs; the user has the archive only.
    before: ({ text }) => {
      if (text.startsWith('helm package')) execFileSync('chmod', ['-R', '+x', 'shop/scripts'], { cwd });
      if (text.startsWith('tar ')) rmSync(join(cwd, 'shop'), { recursive: true });
    },
  });
});
afterAll(() => Promise.all([upstream.stop(), target.stop()]));

test('each script has three lines, and the packaged chart has them unchanged', () => {
  expect(scripts.map(({ mark }) => mark)).toEqual(
    ['images', 'mirror', 'bundle', 'private-values'].map((name) => `file=shop/scripts/${name}.sh`),
  );
  for (const { mark, text } of scripts) {
    expect(text.trimEnd().split('\n')).toHaveLength(3);
    const packed = execFileSync('tar', ['-xzOf', 'shop-1.4.0.tgz', mark.replace('file=', '')], {
      cwd,
      encoding: 'utf8',
    });
    expect(packed).toBe(text);
  }
  // As the page says, Helm does not keep permissions.
  const listed = execFileSync('tar', ['-tvzf', 'shop-1.4.0.tgz'], { cwd, encoding: 'utf8' }).split('\n');
  expect(listed.find((line) => line.endsWith('scripts/mirror.sh'))).toMatch(/^-rw-r--r--/);
});

test('the scripts list, copy and redirect all images of the chart', () => {
  const output = runs.find(({ text }) => text.startsWith('tar '))?.output ?? '';
  for (const reference of references) expect(output).toContain(reference);
  const isCopied = (prefix: string): string[] => tagsOf(target, prefix).map((line) => line.split(' ')[0] ?? '');
  const tagged = references.filter((reference) => !reference.includes('@'));
  for (const prefix of ['mirrored', 'inside']) {
    expect(isCopied(prefix)).toEqual(expect.arrayContaining([...tagged, 'charts/shop:1.4.0']));
  }
  const manifests = execFileSync(
    helmUnderTest(),
    ['template', 'shop', './shop', '-f', 'site.yaml', '-f', 'private.yaml'],
    {
      cwd,
      encoding: 'utf8',
      env: cleanEnvironment(home),
    },
  );
  const images = imagesOf(manifests);
  expect(images.length).toBeGreaterThanOrEqual(5);
  expect(images.filter((image) => !image.startsWith(`${target.host}/mirrored/`))).toEqual([]);
});

test('in a checkout, a script is a program that hands flags and exit codes on', async () => {
  const checkout = join(scratchFolder(), '-my charts');
  cpSync(fixtureChart('hardcoded'), join(checkout, 'hard'), { recursive: true });
  for (const { mark, text } of scripts) {
    const file = join(checkout, mark.replace('file=shop', 'hard'));
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text, { mode: 0o755 });
    expect(statSync(file).mode & 0o111).toBe(0o111);
  }
  const run = (...args: string[]) =>
    execa(join('hard', 'scripts', 'private-values.sh'), args, {
      cwd: checkout,
      env: { ...cleanEnvironment(home), PATH: `${join(home, PROGRAMS)}:${process.env.PATH}` },
      extendEnv: false,
      reject: false,
    });
  // Its template names an image that no value changes.
  expect((await run('registry.example/m')).exitCode).toBe(3);
  const out = join(checkout, 'values.yaml');
  expect((await run('registry.example/m', '--unmapped', 'post-render', '--out', out)).exitCode).toBe(0);
  expect(readFileSync(out, 'utf8')).toContain('registry.example/m');
  expect((await run()).exitCode).toBe(2);
});
