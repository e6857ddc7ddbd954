import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PageEvents, seriousFindings, startBrowser, watchPage, withoutBrowser } from '../support/browser.ts';
import { graphOf, inventoryOf, write } from '../support/bundles.ts';
import { chartYaml, writeFiles } from '../support/charts.ts';
import { airgap, airgapOk, printed } from '../support/cli.ts';
import { expectFacts } from '../support/facts.ts';
import { HOSTILE, writeHostileBundle } from '../support/hostile-bundle.ts';
import { pushImage } from '../support/images.ts';
import { MemoryRegistry, noise } from '../support/memory-registry.ts';
import { startRegistry } from '../support/registry.ts';
import { scratchFolder } from '../support/scratch.ts';

/** The report of `inspect -o html`, in a real browser. */

const home = scratchFolder();
const at = (name: string): string => join(home, name);

/** A chart with an image that values move, one in a template, an uncertain one, and a download. */
const workload = (version: string): Record<string, string> => ({
  'Chart.yaml': chartYaml('site', version),
  'values.yaml': `image: {registry: quay.io, repository: acme/web, tag: "${version}"}\n`,
  'templates/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          command: [sh, -c, "curl -fsSL https://downloads.acme.io/plugins.tar.gz | tar xz"]
        - name: fixed
          image: quay.io/acme/fixed:1
          args: ["--note=quay.io/acme/perhaps"]
{{- with .Values.broken }}{{ fail . }}{{ end }}
`,
});

beforeAll(async () => {
  const registry = await startRegistry();
  try {
    for (const tag of ['1.0.0', '2.0.0'])
      await pushImage(registry.host, 'quay.io/acme/web', tag, { sharedLayer: 'base' });
    await pushImage(registry.host, 'quay.io/acme/fixed', '1', { sharedLayer: 'base' });
    await pushImage(registry.host, 'quay.io/acme/extra', '1');
    const flags = ['--mirror', `*=${registry.host}`, '--plain-http', registry.host];
    for (const [version, more] of [
      ['1.0.0', ['--image', 'quay.io/acme/extra:1']],
      ['2.0.0', []],
    ] as const) {
      const chart = await writeFiles(at(`site-${version}`), workload(version));
      await airgapOk(['bundle', chart, ...flags, ...more, '--out', at(`${version}.tar`)], home);
    }
    await airgapOk(['bundle', at('site-1.0.0'), at('site-2.0.0'), ...flags, '--out', at('both.tar')], home);
  } finally {
    await registry.stop();
  }
  await writeHostileBundle(at('hostile.tar'));
});

const report = async (bundle: string, out: string, ...flags: readonly string[]): Promise<string> => {
  await airgapOk(['inspect', at(bundle), '-o', 'html', '--out', at(out), ...flags], home);
  return readFileSync(at(out), 'utf8');
};

describe('the page', () => {
  test('says what an approver asks', async () => {
    const text = await report('2.0.0.tar', 'facts.html', '--since', at('1.0.0.tar'));
    expectFacts(
      text,
      ...['quay.io/acme/web:2.0.0', 'https://downloads.acme.io/plugins.tar.gz', 'Deployment/web', 'image.registry'],
      // Gone since the older bundle, and an image that no value redirects.
      ...['quay.io/acme/extra:1', /No value redirects 1 of 2/],
    );
    expect(text).not.toMatch(/https?:\/\/(?!downloads\.acme\.io)/);
    expectFacts(text, 'Nothing is proved');
  });

  test('is the same for the same bundle, on standard output too', async () => {
    const text = await report('2.0.0.tar', 'same.html');
    expect((await airgapOk(['inspect', at('2.0.0.tar'), '-o', 'html'], home)).stdout).toBe(text);
    expect(await report('2.0.0.tar', 'same.html')).toBe(text);
  });

  test('replaces a report, and no other file', async () => {
    writeFileSync(at('mine.html'), '<!doctype html><p>mine');
    const run = await airgap(['inspect', at('2.0.0.tar'), '-o', 'html', '--out', at('mine.html')], home);
    expect(run.code).toBe(1);
    expectFacts(run.stderr, 'mine.html');
    expect(readFileSync(at('mine.html'), 'utf8')).toBe('<!doctype html><p>mine');
  });

  test.each([
    [['--out', 'x.html'], '-o html'],
    [['--since', 'old.tar'], '-o html'],
    [['--to', 'registry.example'], '-o html'],
    [['-o', 'html', '--unmapped', 'repack'], '--to'],
    [['-o', 'html', '--config', 'airgap.yaml'], '--to'],
    [['-o', 'html', '--naming', 'flat'], '--to'],
    [['-o', 'html', '--to', 'registry.example/UPPER'], '--to'],
    [['-o', 'html', '--out', '.'], '--out'],
  ])('wrong flags %j are one sentence', async (flags, fact) => {
    const run = await airgap(['inspect', at('2.0.0.tar'), ...flags], home, { cwd: home });
    expect(run.code).toBe(2);
    expectFacts(run.stderr, fact);
  });

  test('of an archive without an inventory is refused', async () => {
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('a', 100)]);
    const graph = await graphOf(source, ['quay.io/a:1']);
    await write(at('foreign.tar'), source, { graph, charts: [], inventory: undefined });
    const run = await airgap(['inspect', at('foreign.tar'), '-o', 'html'], home);
    expect(run.code).toBe(1);
    expect(run.stdout).toBe('');
  });

  test('of thousands of images is written in seconds, within little memory', async () => {
    const source = new MemoryRegistry();
    const shared = noise('shared', 1000);
    const names = Array.from({ length: 1500 }, (_, i) => `quay.io/team/app-${i}:1`);
    for (const [i] of names.entries()) source.addImage(`quay.io/team/app-${i}`, '1', [shared, noise(`app ${i}`, 64)]);
    const graph = await graphOf(source, names);
    const found = Array.from({ length: 300 }, (_, i) => ({
      ...{ chart: 'demo', profile: 'default', template: `demo/templates/t${i}.yaml`, document: i, kind: 'Deployment' },
      ...{ name: `d${i}`, path: 'spec.template.spec.containers[0].image', how: 'pod-spec' as const, written: 'x' },
    }));
    const inventory = inventoryOf(graph, []);
    const images = inventory.images.map((image, i) => ({ ...image, found: i < 500 ? found : found.slice(0, 2) }));
    await write(at('large.tar'), source, { graph, charts: [], inventory: { ...inventory, images } });
    const env = { NODE_OPTIONS: '--max-old-space-size=400' };
    await airgapOk(['inspect', at('large.tar'), '-o', 'html', '--out', at('large.html')], home, { env });
    expect(statSync(at('large.html')).size).toBeLessThan(20e6);
  });
});

describe('the proof of the overrides', () => {
  const to = ['--to', 'registry.example/mirror'];
  const CONFIG = 'apiVersion: airgap/v1\nkind: Config\n';
  const inspect = (bundle: string, ...flags: readonly string[]) =>
    airgap(['inspect', at(bundle), '-o', 'html', ...to, ...flags], home);
  /** The section, without what recipes say of images. */
  const sectionOf = (text: string): string =>
    /<section aria-labelledby="overrides">[\s\S]*?<\/section>/.exec(text)?.[0] ?? '';

  test('names what is public after rendering, and ends with exit code 3', async () => {
    const run = await inspect('2.0.0.tar');
    expect(run.code).toBe(3);
    expectFacts(run.stderr, 'site 2.0.0', 'quay.io/acme/fixed:1');
    expectFacts(run.stdout, '✗ Failed', /Rendered with .*registry\.example\/mirror.* 1 location is still public/);
    expectFacts(sectionOf(run.stdout), 'registry.example/mirror', 'quay.io/acme/fixed:1');
    expect(sectionOf(run.stdout)).not.toContain('quay.io/acme/web');
  });

  test.each(['post-render', 'repack'])('covers what --unmapped=%s redirects', async (how) => {
    const run = await inspect('2.0.0.tar', '--unmapped', how);
    expect(run).toMatchObject({ code: 0 });
    expectFacts(run.stdout, /Rendered with .*all 2 references of 1 chart are private/);
    expect(sectionOf(run.stdout)).not.toContain('quay.io');
  });

  test('is made with the profiles of a configuration file, and says which profiles it is not for', async () => {
    writeFileSync(at('more.yaml'), 'image: {repository: acme/extra, tag: "1"}\n');
    writeFileSync(at('site.yaml'), `${CONFIG}charts: [{chart: site, profiles: [{name: prod, values: [more.yaml]}]}]\n`);
    const run = await inspect('1.0.0.tar', '--config', at('site.yaml'), '--unmapped', 'post-render');
    expect(run.code).toBe(0);
    // The image of the default values is in the bundle, and the bundle's profile was not rendered.
    expectFacts(sectionOf(run.stdout), 'profile prod', 'quay.io/acme/web:1.0.0', 'Not rendered', 'profile default');
    expectFacts(run.stdout, /does not cover all values of 1 chart/);
  });

  test('of one version of a chart is none of another', async () => {
    writeFileSync(at('one.yaml'), `${CONFIG}charts: [{chart: site, version: 2.0.0}]\n`);
    const run = await inspect('both.tar', '--config', at('one.yaml'), '--unmapped', 'post-render');
    expect(run.code).toBe(0);
    expectFacts(sectionOf(run.stdout), 'Not rendered', /<li>site 1\.0\.0/);
    expectFacts(run.stdout, /does not cover all values of 1 chart/);
  });

  test('an image that the bundle lacks, and a chart that does not render, are not proved', async () => {
    writeFileSync(at('lacking.yaml'), 'image: {repository: acme/elsewhere}\n');
    writeFileSync(at('broken.yaml'), 'broken: <img src=x onerror=alert(1)>\n');
    const profiles = '[{name: lacking, values: [lacking.yaml]}, {name: broken, values: [broken.yaml]}]';
    writeFileSync(at('bad.yaml'), `${CONFIG}charts: [{chart: site, profiles: ${profiles}}]\n`);
    const run = await inspect('2.0.0.tar', '--config', at('bad.yaml'), '--unmapped', 'repack');
    expect(run.code).toBe(3);
    expectFacts(run.stderr, 'quay.io/acme/elsewhere:2.0.0', 'profile broken');
    expectFacts(run.stdout, '&lt;img src=x onerror=alert(1)&gt;');
    expectFacts(sectionOf(run.stdout), 'Needed, and not in the bundle', 'quay.io/acme/elsewhere:2.0.0', 'Not proved');
  });
});

describe('in Chromium', () => {
  const reason = withoutBrowser();
  let browser: BrowserContext;
  let page: Page;
  let events: PageEvents;

  beforeAll(async () => {
    if (reason !== undefined) return;
    browser = await startBrowser();
    page = await browser.newPage();
    events = watchPage(page);
  });

  afterAll(async () => {
    await browser?.close();
  });

  /** Opens a file, and fails if it asks for anything else or complains. */
  const open = async (name: string, width = 1400): Promise<void> => {
    events.errors.length = 0;
    events.requests.length = 0;
    await page.setViewportSize({ width, height: 900 });
    await page.goto(pathToFileURL(at(name)).href);
    expect(events).toEqual({ errors: [], requests: [pathToFileURL(at(name)).href] });
  };

  for (const bundle of ['2.0.0.tar', 'hostile.tar']) {
    test(`${bundle}: nothing is loaded, and it fits a phone and a wide screen`, async (context) => {
      if (reason !== undefined) return context.skip(reason);
      await report(bundle, 'page.html');
      for (const width of [360, 1400]) {
        await open('page.html', width);
        const size = (): Promise<number> => page.evaluate<number>('document.documentElement.scrollWidth');
        expect(await size(), `${width} px`).toBeLessThanOrEqual(width);
        await page.getByRole('button', { name: 'Open all' }).click();
        expect(await size(), `${width} px, all open`).toBeLessThanOrEqual(width);
      }
      expect(await page.title()).toContain(bundle);
    });
  }

  test('hostile texts are shown as texts', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    await report('hostile.tar', 'page.html');
    await open('page.html');
    const scripts = await page.evaluate(
      '[document.scripts.length, document.images.length, document.styleSheets.length]',
    );
    expect(scripts).toEqual([1, 0, 1]);
    const text = (await page.locator('body').textContent()) ?? '';
    expectFacts(text, HOSTILE[0], HOSTILE[1], HOSTILE[5], 'a\\u202egpj.exe\\x00\\x1b[2J\\u2028b');
    expect(await page.locator('[onerror],[onmouseover],[style]').count()).toBe(0);
  });

  test('the filter shows the images that have the words', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    await report('2.0.0.tar', 'page.html');
    await open('page.html');
    await page.getByRole('searchbox').fill('fixed');
    const shown = page.locator('li.image:visible');
    await expect.poll(() => shown.count()).toBe(1);
    expect(await shown.textContent()).toContain('quay.io/acme/fixed:1');
    await page.getByRole('searchbox').fill('');
    await expect.poll(() => shown.count()).toBe(2);
  });

  test('on paper all details are open, with and without scripts', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    await report('2.0.0.tar', 'page.html');
    await open('page.html');
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    // The details are closed again.
    expect(await page.locator('details[open]').count()).toBe(0);
    const plain = await startBrowser({ javaScript: false });
    try {
      const silent = await plain.newPage();
      await silent.goto(pathToFileURL(at('page.html')).href);
      expect(await silent.locator('#tools').isVisible()).toBe(false);
      await silent.emulateMedia({ media: 'print' });
      const place = silent.locator('ul.places', { hasText: 'site/templates/web.yaml' }).first();
      expect((await place.boundingBox())?.height ?? 0).toBeGreaterThan(10);
    } finally {
      await plain.close();
    }
  });

  test('axe finds nothing serious, in light and dark', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    const proof = ['--to', 'registry.example', '--unmapped', 'repack'];
    await report('2.0.0.tar', 'page.html', '--since', at('1.0.0.tar'), ...proof);
    const tested = await startBrowser({ bypassCSP: true });
    try {
      const subject = await tested.newPage();
      for (const [colorScheme, width] of [
        ['light', 360],
        ['dark', 1400],
      ] as const) {
        await subject.emulateMedia({ colorScheme });
        await subject.setViewportSize({ width, height: 900 });
        await subject.goto(pathToFileURL(at('page.html')).href);
        await subject.getByRole('button', { name: 'Open all' }).click();
        expect(await seriousFindings(subject), `${colorScheme}, ${width} px`).toEqual([]);
      }
    } finally {
      await tested.close();
    }
  });

  test('the keyboard reaches the content and what opens', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    await report('2.0.0.tar', 'page.html');
    await open('page.html');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement?.id')).toBe('content');
    await page.locator('#images ~ ol summary').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#images ~ ol details').first().getAttribute('open')).not.toBeNull();
  });
});

describe('verdicts of a scanner', () => {
  const scanner = at('scanner');

  beforeAll(() => {
    writeFileSync(scanner, '#!/bin/sh\ncase $AIRGAP_IMAGE in *fixed*) echo "<b>CVE-2026-1</b>"; exit 4;; esac\n', {
      mode: 0o755,
    });
  });

  const scan = (bundle: string, verdicts: string) =>
    airgap(['verify', at(bundle), '--with', `${scanner} {}`, '--verdicts', at(verdicts)], home);

  test('are in the report', async () => {
    const run = await scan('2.0.0.tar', 'v2.json');
    expect(run.code).toBe(3);
    expectFacts(printed(run), 'quay.io/acme/fixed:1', 'CVE-2026-1');
    const text = await report('2.0.0.tar', 'scanned.html', '--verdicts', at('v2.json'));
    expectFacts(text, 'scan failed', 'scan passed', '&lt;b&gt;CVE-2026-1&lt;/b&gt;', 'exit code 4');
  });

  test('that lack a platform of an image do not pass it', async () => {
    await airgapOk(['verify', at('hostile.tar'), '--with', 'test -d {}', '--verdicts', at('all.json')], home);
    const all = JSON.parse(readFileSync(at('all.json'), 'utf8'));
    expectFacts(await report('hostile.tar', 'scanned.html', '--verdicts', at('all.json')), /✓ OK.*images passed/);
    const last = all.verdicts.findLast(({ image }: { image: string }) => image === 'quay.io/multi:3');
    const some = { ...all, verdicts: all.verdicts.filter((each: object) => each !== last) };
    expect(some.verdicts.filter(({ image }: { image: string }) => image === 'quay.io/multi:3')).not.toEqual([]);
    writeFileSync(at('some.json'), JSON.stringify(some));
    const text = await report('hostile.tar', 'scanned.html', '--verdicts', at('some.json'));
    expectFacts(text, '1 image lacks a verdict for a platform', 'not scanned');
    expect(text).not.toMatch(/✓ OK.*images passed/);
  });

  test('of another bundle are refused', async () => {
    await scan('1.0.0.tar', 'v1.json');
    const run = await airgap(['inspect', at('2.0.0.tar'), '-o', 'html', '--verdicts', at('v1.json')], home);
    expect(run.code).toBe(2);
    expect(run.stdout).toBe('');
    expectFacts(run.stderr, 'v1.json', 'another bundle');
  });

  test('and nothing else is taken for verdicts', async () => {
    mkdirSync(at('folder'), { recursive: true });
    writeFileSync(at('other.json'), '{"kind":"Receipt"}');
    for (const file of ['other.json', 'scanner']) {
      const run = await airgap(['inspect', at('2.0.0.tar'), '-o', 'html', '--verdicts', at(file)], home);
      expect(run.code, file).toBe(2);
    }
    const run = await airgap(['inspect', at('2.0.0.tar'), '-o', 'html', '--verdicts', at('missing.json')], home);
    expect(run.code).toBe(1);
  });
});
