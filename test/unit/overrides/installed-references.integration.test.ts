import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { fetchChart } from '../../../src/helm/fetch.ts';
import { Renderer } from '../../../src/helm/render.ts';
import { parseTarget } from '../../../src/naming/naming.ts';
import {
  chartReferences,
  type InstalledReference,
  installedReferences,
  installedWithoutSecret,
  overrideChart,
  renderInstalled,
} from '../../../src/overrides/index.ts';
import { fixtureChart } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { helmIn } from '../../support/isolated-helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

const target = parseTarget('r.example/m', 'host-path');
const profile = { name: 'default', options: {} };
const analysis = { rules: [], operands: [], operatorDefaults: true };
const folder = scratchFolder();

async function rendererOf(name: string): Promise<Renderer> {
  const wanted = HELMS.find(({ path }) => path !== undefined);
  if (wanted === undefined) throw new Error('no Helm');
  const helm = helmIn(folder, wanted);
  const chart = await fetchChart(helm, { chart: fixtureChart(name) }, join(folder, name), folder);
  return new Renderer(helm, chart, join(folder, `${name}-render`));
}

async function derived(name: string) {
  const options = { rules: [], emit: ignoreEvents };
  return overrideChart(await rendererOf(name), profile, target, options);
}

const named = (references: readonly InstalledReference[]) =>
  [...new Set(references.map(({ reference, source }) => `${source} > ${reference}`))].sort();

describe('what is installed with derived overrides', () => {
  it('is every reference of the chart under its private name, with the name that it comes from', async () => {
    const { references: without } = await chartReferences(await rendererOf('shop'), profile, analysis);
    const installed = installedReferences(await derived('shop'));
    const sources = [...new Set(without.map(({ reference }) => reference))].sort();
    expect(sources).toHaveLength(8);
    expect(named(installed)).toEqual(sources.map((source) => `${source} > r.example/m/${source}`));
    expect(named(without)).toEqual(sources.map((source) => `${source} > ${source}`));
  });

  it('is located in objects and containers', async () => {
    const installed = installedReferences(await derived('shop'));
    const web = installed.find(({ reference }) => reference.endsWith('/shop/web:1.4.2'));
    expect(web).toMatchObject({ kind: 'Deployment', container: 'web', how: 'pod-spec' });
    const reports = installed.find(({ reference }) => reference.includes('reports'));
    expect(reports?.how).not.toBe('pod-spec');
    expect(reports?.container).toBeUndefined();
  });

  it('still has the public names that no value changes', async () => {
    const installed = installedReferences(await derived('hardcoded'));
    const names = installed.map(({ reference }) => reference);
    expect(names).toContain('docker.io/library/busybox:1.36.1');
    expect(names.filter((name) => name.startsWith('r.example/m/registry.example/hardcoded/app:'))).toHaveLength(1);
  });

  it('includes images that operators choose', async () => {
    const installed = installedReferences(await derived('widget-operator'));
    const { references: without } = await chartReferences(await rendererOf('widget-operator'), profile, analysis);
    expect(installed.length).toBeGreaterThan(0);
    expect(new Set(installed.flatMap(({ source = '' }) => source))).toEqual(
      new Set(without.map(({ reference }) => reference)),
    );
  });
});

describe('what is installed with the overrides of a file', () => {
  it('is what the file says, and nothing else', async () => {
    const file = join(folder, 'own.yaml');
    writeFileSync(file, 'sidecar: {image: r.example/m/registry.example/shop/proxy:2.3.1}\n');
    const installed = await renderInstalled(await rendererOf('shop'), profile, target, { ...analysis, files: [file] });
    const moved = installedReferences(installed).filter(({ reference }) => reference.startsWith('r.example/m/'));
    expect(named(moved)).toEqual(['registry.example/shop/proxy:2.3.1 > r.example/m/registry.example/shop/proxy:2.3.1']);
    expect(named(installedReferences(installed))).toHaveLength(8);
    expect(installedWithoutSecret(installed, 'pull', 'default').length).toBeGreaterThan(0);
  });

  it('and of a post-renderer', async () => {
    const file = join(folder, 'none.yaml');
    writeFileSync(file, '{}\n');
    const options = { ...analysis, files: [file], postRender: { hooks: true, pullSecret: 'pull' } };
    const installed = await renderInstalled(await rendererOf('hardcoded'), profile, target, options);
    for (const { reference } of installedReferences(installed)) expect(reference).toMatch(/^r\.example\/m\//);
    expect(installedWithoutSecret(installed, 'pull', 'default')).toEqual([]);
  });
});
