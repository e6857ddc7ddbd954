import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { AirgapEvent } from '../../../src/base/events.ts';
import { rulesDocument } from '../../../src/cli/reports/proposed-rules.ts';
import { parseRules } from '../../../src/discovery/rules/index.ts';
import { type ImagesResult, images } from '../../../src/workflows/images/images.ts';
import { why } from '../../../src/workflows/images/why.ts';
import { CHARTS } from '../../support/charts.ts';
import { compile, withoutGo } from '../../support/go.ts';
import { testHelms } from '../../support/helm.ts';
import { pushImage } from '../../support/images.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { tarOf } from '../../support/tar.ts';

const missing = withoutGo();
const helm = testHelms().findLast(({ path }) => path !== undefined)?.path;
const folder = scratchFolder();
let registry: TestRegistry;
const warnings: string[] = [];

/** Images in the registry that the operator names: newer agents, and a list of components. */
const PUBLISHED = ['agent:1.20.3', 'agent:1.99.0', 'reloader:0.76.3', 'proxy:2.7.1-alpine', 'collector:v3.2.1'].concat(
  ['controller', 'node', 'typhoon', 'whisker-backend'].map((name) => `${name}:v4.5.6`),
);

beforeAll(async () => {
  if (missing !== undefined) return;
  registry = await startRegistry();
  compile('operator', join(folder, 'manager'), ['-trimpath', '-ldflags=-s -w -X main.agentVersion=1.20.3']);
  const layer = tarOf([
    { path: 'manager', content: readFileSync(join(folder, 'manager')) },
    { path: 'manifests/1.1/a.yaml', content: 'image: quay.io/widget-project/old:v1.1.0' },
    { path: 'manifests/1.2/a.yaml', content: 'image: quay.io/widget-project/node:v4.5.6' },
  ]);
  await pushImage(registry.host, 'widget-project/operator', 'v1.0.0', {
    layers: [layer],
    config: { Entrypoint: ['/manager'] },
  });
  await pushImage(registry.host, 'widget-project/dashboard', 'v1.0.0');
  for (const [repository = '', tag] of PUBLISHED.map((name) => name.split(':'))) {
    await pushImage(registry.host, `widget-project/${repository}`, tag, { platforms: ['linux/amd64'] });
  }
});

afterAll(() => registry?.stop());

function imagesArguments(include: boolean): Parameters<typeof images> {
  const hosts = ['quay.io', 'ghcr.io', 'docker.io', 'registry.k8s.io'];
  const mirrors = hosts.map((from) => ({ from, to: registry.host }));
  const context = {
    env: { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder },
    cwd: CHARTS,
    emit: (event: AirgapEvent) => void (event.type === 'warning' && warnings.push(event.message)),
  };
  const access = { mirrors, plainHttp: [registry.host] };
  const charts = [{ request: { chart: './widget-operator' }, profiles: [{ name: 'default', options: {} }] }];
  return [context, { charts, add: [], operatorScan: { access, concurrency: 4, include } }];
}

const listed = ({ inside }: ImagesResult): string[] =>
  (inside?.found ?? []).map(({ reference, confidence }) => `${confidence} ${reference}`);

describe('the operator image scan', () => {
  test('lists images that only the operator image names and that exist in the registry', async (context) => {
    if (missing !== undefined || helm === undefined) return context.skip(missing ?? 'no Helm is here');
    const result = await images(...imagesArguments(false));
    expect(result.images.map(({ reference }) => reference)).toEqual([
      'quay.io/widget-project/dashboard:v1.0.0',
      'quay.io/widget-project/operator:v1.0.0',
    ]);
    expect(listed(result)).toEqual([
      'high ghcr.io/widget-project/proxy:2.7.1-alpine',
      'medium quay.io/widget-project/agent:1.20.3',
      'medium quay.io/widget-project/collector:v3.2.1',
      'medium quay.io/widget-project/controller:v4.5.6',
      'medium quay.io/widget-project/node:v4.5.6',
      'medium quay.io/widget-project/reloader:0.76.3',
      'medium quay.io/widget-project/typhoon:v4.5.6',
      'medium quay.io/widget-project/whisker-backend:v4.5.6',
    ]);
    expect(result.inside?.images).toEqual([
      {
        image: 'quay.io/widget-project/operator:v1.0.0',
        givenUp: [],
        older: 1,
        asked: expect.any(Number),
      },
    ]);
    expect(warnings).toEqual([]);
  });

  test('includes findings with high or medium confidence on request, as optional', async (context) => {
    if (missing !== undefined || helm === undefined) return context.skip(missing ?? 'no Helm is here');
    const result = await images(...imagesArguments(true));
    expect(listed(result)).toEqual([]);
    const agent = result.images.find(({ reference }) => reference.endsWith('/agent:1.20.3'));
    expect(agent).toMatchObject({
      confidence: 'likely',
      need: 'optional',
      found: [{ how: 'inside-image', path: 'manager' }],
    });
  });

  test('skips excluded operators', async (context) => {
    if (missing !== undefined || helm === undefined) return context.skip(missing ?? 'no Helm is here');
    const [workflowContext, options] = imagesArguments(true);
    const exclude = [{ pattern: 'quay.io/widget-project/operator' }];
    const { images: findings, inside } = await images(workflowContext, { ...options, exclude });
    expect(findings.map(({ reference }) => reference)).toEqual(['quay.io/widget-project/dashboard:v1.0.0']);
    expect(inside).toEqual({ found: [], open: [], images: [] });
  });

  test('adds evidence to images that are known already', async (context) => {
    if (missing !== undefined || helm === undefined) return context.skip(missing ?? 'no Helm is here');
    const [workflowContext, options] = imagesArguments(false);
    const add = ['quay.io/widget-project/node:v4.5.6'];
    const { images: findings } = await why(workflowContext, {
      ...options,
      add,
      pattern: 'quay.io/widget-project/node',
    });
    expect(findings[0]?.found.map(({ how }) => how).toSorted()).toEqual(['added', 'inside-image']);
  });

  test('proposes rules that can be used unchanged', async (context) => {
    if (missing !== undefined || helm === undefined) return context.skip(missing ?? 'no Helm is here');
    const text = rulesDocument((await images(...imagesArguments(false))).proposed ?? []);
    const [rule] = parseRules(parse(text), 'proposed');
    expect(rule).toMatchObject({ operator: 'widget-project-operator', when: { images: ['widget-project/operator'] } });
    const redirects = new Map(rule?.images.map(({ name, redirect }) => [name, redirect]));
    expect(redirects.get('proxy')).toEqual({ kind: 'env', name: 'PROXY_IMAGE' });
    expect(redirects.get('collector')).toEqual({ kind: 'env', name: 'RELATED_IMAGE_COLLECTOR' });
    expect(redirects.get('agent')).toEqual({ kind: 'none' });
    expect(text).toMatch(/^ .*# /m);
  });
});
