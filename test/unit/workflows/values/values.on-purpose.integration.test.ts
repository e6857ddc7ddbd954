import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openCheckedBundle } from '../../../../src/bundle/open.ts';
import type { Bundle } from '../../../../src/bundle/reading/bundle.ts';
import type { Inventory } from '../../../../src/inventory/inventory.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { overridesOf } from '../../../../src/workflows/values/values.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { pushImage } from '../../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const folder = scratchFolder();
const helm = HELMS.find(({ path }) => path !== undefined)?.path;
const env = { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder };
const TO = 'ecr.example/m';

const pod = (name: string, image: string, metadata = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${metadata}}\nspec:\n  containers: [{name: c, image: ${image}}]\n`;

beforeAll(async () => {
  await writeFiles(join(folder, 'site'), {
    'Chart.yaml': chartYaml('site'),
    'values.yaml': [
      'image: {repository: quay.io/acme/site, tag: "1"}',
      'pages: {repository: docs.example.com/acme/handbook, tag: v1.4.0}',
      'agent: {registry: quay.io, name: acme/agent}',
      'engine: quay.io/acme/engine:9',
    ].join('\n'),
    'templates/site.yaml': pod('site', '"{{ .Values.image.repository }}:{{ .Values.image.tag }}"'),
    'templates/pages.yaml':
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pages}\ndata:\n  config.yaml: |\n    pages: {{ toJson .Values.pages }}\n',
    'templates/fixed.yaml': pod('fixed', 'quay.io/acme/fixed:1'),
    'templates/agent.yaml': pod('agent', '"{{ .Values.agent.registry }}/{{ .Values.agent.name }}:1"'),
    'templates/engine.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: engine}\nspec:\n  containers:\n  - {name: c, image: quay.io/acme/fixed:1, env: [{name: RELATED_IMAGE_ENGINE, value: {{ .Values.engine }}}]}\n',
  });
  const shared = '"{{ .Values.registry }}/acme/a:1"';
  await writeFiles(join(folder, 'shared'), {
    'Chart.yaml': chartYaml('shared'),
    'values.yaml': 'registry: quay.io\n',
    'templates/a.yaml': pod('a', shared),
    'templates/b.yaml': pod('b', shared.replace('acme/a', 'acme/b')),
  });
  const prefixed = '"{{ with .Values.global.registry }}{{ . }}/{{ end }}acme/a:1"';
  await writeFiles(join(folder, 'empty'), {
    'Chart.yaml': chartYaml('empty'),
    'values.yaml': 'global: {registry: ""}\n',
    'templates/a.yaml': pod('a', prefixed),
    'templates/b.yaml': pod('b', prefixed.replace('acme/a', 'acme/b')),
  });
  await writeFiles(join(folder, 'spaces'), {
    'Chart.yaml': chartYaml('spaces'),
    'values.yaml': 'image: quay.io/acme/a:1\nsystem: quay.io/acme/a:1\n',
    'templates/own.yaml': pod('own', '{{ .Values.image }}'),
    'templates/system.yaml': pod('system', '{{ .Values.system }}', ', namespace: kube-system'),
  });
});

interface Document {
  readonly overrides: Record<string, unknown>;
  readonly proof: {
    readonly references: number;
    readonly rewritten: number;
    readonly residue: readonly { readonly reference: string; readonly because?: string }[];
    readonly allowed?: readonly { readonly state: string; readonly reference: string; readonly reason: string }[];
    readonly missing?: readonly { readonly state: string; readonly reference: string }[];
  };
}

async function values(...args: string[]) {
  const ended = await airgap(['values', ...args, '--to', TO, '-o', 'json'], env, folder);
  return { ...ended, document: JSON.parse(ended.out) as Document };
}

const HANDBOOK = 'docs.example.com/acme/handbook';
const site = (...args: string[]) => values('./site', '--exclude', `${HANDBOOK}=a book`, ...args);

describe('an excluded reference', () => {
  it('is not set by values, not counted, and named with its reason', async () => {
    const { code, document } = await site('--exclude', 'quay.io/acme/fixed', '--exclude', 'quay.io/acme/agent');
    expect(code).toBe(0);
    expect(Object.keys(document.overrides)).toEqual(['engine', 'image']);
    expect(document.proof).toMatchObject({ references: 2, rewritten: 2, residue: [] });
    const allowed = new Map(document.proof.allowed?.map(({ reference, ...entry }) => [reference, entry]));
    expect([...allowed.keys()].sort()).toEqual([`${HANDBOOK}:v1.4.0`, 'quay.io/acme/agent:1', 'quay.io/acme/fixed:1']);
    expect(allowed.get(`${HANDBOOK}:v1.4.0`)).toMatchObject({ state: 'public-on-purpose', reason: 'a book' });
  });

  it('of airgap.yaml stays as well, and include takes precedence', async () => {
    await writeFile(
      join(folder, 'airgap.yaml'),
      `apiVersion: airgap/v1\nkind: Config\ncharts: [{chart: ./site}]\nexclude: ["*/acme/*"]\ninclude: [quay.io/acme/site]\n`,
    );
    const { code } = await airgap(
      ['values', '--config', join(folder, 'airgap.yaml'), '--to', TO, '--out-dir', 'ov'],
      env,
      folder,
    );
    expect(code).toBe(0);
    expect(parse(await readFile(join(folder, 'ov/site.yaml'), 'utf8'))).toEqual({
      image: { repository: `${TO}/quay.io/acme/site` },
    });
  });

  it('keeps its tag where a naming changes tags', async () => {
    const { code, document } = await site(
      '--exclude',
      '*/fixed',
      '--naming',
      'single-repository',
      '--exclude',
      '*/agent',
    );
    expect([code, document.overrides]).toEqual([
      0,
      { engine: expect.any(String), image: { repository: TO, tag: expect.stringContaining('acme--site') } },
    ]);
  });

  it.each([
    ['post-render', 'map.json'],
    ['repack', 'site.tgz'],
  ])('is not changed by --unmapped=%s', async (how, file) => {
    const flags = [`--unmapped=${how}`, how === 'repack' ? '--unmapped-chart' : '--unmapped-map', file];
    const all = await site(...flags, '--out', 'all.yaml');
    expect(JSON.stringify(all.document)).toContain(`${TO}/quay.io/acme/fixed`);
    const { code, document } = await site('--exclude', '*/fixed', ...flags, '--out', 'o.yaml');
    expect(code).toBe(0);
    expect(JSON.stringify(document)).not.toContain(`${TO}/quay.io/acme/fixed`);
    expect(document.proof).toMatchObject({ references: 3, rewritten: 3, residue: [] });
  });

  it('is not changed in a chart that carries its overrides', async () => {
    const { code, document } = await site('--exclude', '*/fixed', '--format', 'chart', '--out', 'carrying.tgz');
    expect([code, document.proof.references, document.proof.rewritten]).toEqual([0, 3, 3]);
    expect(document.proof.allowed).toHaveLength(3);
    expect(JSON.stringify(document)).not.toMatch(new RegExp(`${TO}/(?:docs|quay.io/acme/fixed)`));
  });

  it.each(['map', 'kustomize'])('is not in --format %s', async (format) => {
    const args = ['./site', '--exclude', '*/handbook=a book', '--exclude', '*/engine', '--format', format];
    const { code, out } = await airgap(['values', ...args, '--to', TO, '-o', 'json'], env, folder);
    const { files, allowed } = JSON.parse(out);
    expect(code).toBe(0);
    expect(JSON.stringify(files)).toContain('acme/agent');
    expect(JSON.stringify(files)).not.toMatch(/handbook|engine/);
    expect(allowed).toContainEqual({
      state: 'public-on-purpose',
      reference: `${HANDBOOK}:v1.4.0`,
      reason: 'a book',
    });
  });
});

describe('a value that builds an excluded reference and others', () => {
  it.each(['shared', 'empty'])('is not set, and the others say so: %s', async (chart) => {
    const { code, document } = await values(`./${chart}`, '--exclude', '*/acme/b');
    expect(code).toBe(3);
    expect(document.overrides).toEqual({});
    expect(document.proof).toMatchObject({ references: 1, rewritten: 0, allowed: [{ state: 'public-on-purpose' }] });
    expect(document.proof.residue).toEqual([
      expect.objectContaining({
        reference: expect.stringContaining('acme/a:1'),
        because: expect.stringMatching(/registry builds .*acme\/b:1 too/),
      }),
    ]);
  });

  it('is set if nothing is excluded', async () => {
    for (const chart of ['shared', 'empty']) expect((await values(`./${chart}`)).document.proof.rewritten).toBe(2);
  });
});

describe('a list of images that stay public', () => {
  it('is for the namespace of the object, else of the release; entries without effect are named', async () => {
    await writeFile(
      join(folder, 'allowed.yaml'),
      '- {image: quay.io/acme/a:1, namespace: kube-system, reason: preloaded}\n- {image: quay.io/z, reason: x}\n',
    );
    const { code, document, err } = await values('./spaces', '--allow-images', join(folder, 'allowed.yaml'));
    expect(code).toBe(0);
    expect(document.overrides).toEqual({ image: `${TO}/quay.io/acme/a:1` });
    expect(document.proof).toMatchObject({ references: 1, rewritten: 1, allowed: [{ reason: 'preloaded' }] });
    expect(err).toMatch(/warning: --allow-images: quay\.io\/z /);
    const inSystem = { ...env, HELM_NAMESPACE: 'kube-system' };
    const args = ['values', './spaces', '--allow-images', join(folder, 'allowed.yaml'), '--to', TO, '-o', 'json'];
    expect(JSON.parse((await airgap(args, inSystem, folder)).out)).toMatchObject({ overrides: {} });
  });
});

describe('with a bundle', () => {
  let registry: TestRegistry;
  const file = join(folder, 'site.tar');

  beforeAll(async () => {
    registry = await startRegistry();
    for (const name of ['site', 'fixed', 'agent']) await pushImage(registry.host, `up/quay.io/acme/${name}`, '1', {});
    const mirror = ['--mirror', `*=${registry.host}/up`, '--plain-http', '127.0.0.1', '--no-look-inside'];
    const exclude = ['--exclude', `${HANDBOOK}=a book`, '--exclude', 'quay.io/acme/fixed'];
    // Its registry does not have acme/engine.
    const { err } = await airgap(['bundle', './site', ...exclude, ...mirror, '--out', file], env, folder);
    expect(err).toContain('quay.io/acme/engine:9');
  });
  afterAll(() => registry.stop());

  it('what it excludes stays, by its recipe too, and what it did not find is missing', async () => {
    const { code, document, err } = await values('site', '--bundle', file);
    expect(code).toBe(3);
    expect(err).not.toContain('probing');
    expect(Object.keys(document.overrides)).toEqual(['agent', 'engine', 'image']);
    expect(document.proof).toMatchObject({ references: 3, rewritten: 2, residue: [] });
    expect(document.proof.missing).toMatchObject([{ state: 'missing', reference: 'quay.io/acme/engine:9' }]);
    expect(document).not.toHaveProperty('notInBundle');
    const reasons = new Set(document.proof.allowed?.map(({ reason }) => reason));
    expect(reasons).toEqual(
      new Set(['excluded when bundling: a book', 'excluded when bundling: --exclude quay.io/acme/fixed']),
    );
  });

  it('what it excludes is redirected again if it is included, and not pinned otherwise', async () => {
    const { document, err } = await values('site', '--bundle', file, '--include', '*/handbook', '--pin');
    expect(Object.keys(document.overrides)).toEqual(['agent', 'engine', 'image', 'pages']);
    expect(err).toMatch(/left out of the bundle \(--exclude docs\.example\.com\/acme\/handbook, a book\)/);
    expect(document.proof).toMatchObject({ references: 4, rewritten: 3, pins: { pinned: 1, pinnable: 2 } });
  });

  it('check knows it without a target', async () => {
    const { code, out } = await airgap(['check', 'site', '--bundle', file, '-o', 'json'], env, folder);
    const images = (JSON.parse(out).images as { reference: string; status: string; state?: string }[]).map(
      ({ reference, status, state }) => [reference, status, state],
    );
    expect(code).toBe(3);
    expect(images).toEqual([
      [`${HANDBOOK}:v1.4.0`, 'ok', 'public-on-purpose'],
      ['quay.io/acme/agent:1', 'ok', undefined],
      ['quay.io/acme/engine:9', 'missing', 'missing'],
      ['quay.io/acme/fixed:1', 'ok', 'public-on-purpose'],
      ['quay.io/acme/site:1', 'ok', undefined],
    ]);
  });

  it('the report of the bundle has it', async () => {
    const html = join(folder, 'site.html');
    const { code, err } = await airgap(['inspect', file, '-o', 'html', '--to', TO, '--out', html], env, folder);
    expect([code, err]).toEqual([3, expect.stringContaining('missing: quay.io/acme/engine:9')]);
    const page = await readFile(html, 'utf8');
    expect(page).toMatch(/Missing:[\s\S]*quay\.io\/acme\/engine:9/);
    expect(page).toMatch(/Public on purpose:[\s\S]*a book/);
  });

  it('a chart that carries its overrides is written, and nothing is to be bundled', async () => {
    const args = ['site', '--bundle', file, '--format', 'chart', '--unmapped=inject', '--out', 'missing.tgz'];
    const { code, err } = await airgap(['values', ...args, '--to', TO], env, folder);
    expect([code, err]).toEqual([3, expect.stringContaining('missing: quay.io/acme/engine:9')]);
    expect(err).not.toContain('next:');
  });

  it('every format names what is missing', async () => {
    for (const args of [['site'], []]) {
      const format = ['--bundle', file, '--format', 'map', '--to', TO];
      const { code, err } = await airgap(['values', ...args, ...format], env, folder);
      expect([code, err]).toEqual([3, expect.stringContaining('quay.io/acme/engine:9: missing')]);
    }
  });

  it('an accepted missing image is named, and does not fail', async () => {
    const opened = await openCheckedBundle(file, {});
    try {
      const missing = { state: 'missing', reference: 'quay.io/acme/engine:9', why: '404', allowed: { reason: 'soon' } };
      const inventory = { ...opened.inventory(), missing: [{ ...missing, found: [] }] } as unknown as Inventory;
      const bundle = new Proxy(opened, {
        get: (bundled, key) => {
          const member = Reflect.get(bundled, key) as unknown;
          if (key === 'inventory') return () => inventory;
          return typeof member === 'function' ? member.bind(bundled) : member;
        },
      }) as Bundle;
      const target = parseTarget(TO, 'host-path');
      const context = { env, cwd: folder, emit: () => undefined };
      const [result] = await overridesOf(context, bundle, { target, request: { chart: 'site' }, render: {} });
      expect(result?.proof.missing).toMatchObject([{ why: '404', allowed: { reason: 'soon' } }]);
      expect(result?.proof).toMatchObject({ references: 3, rewritten: 2, residue: [] });
      expect(result?.notInBundle).toEqual([]);
    } finally {
      await opened.close();
    }
  });
});
