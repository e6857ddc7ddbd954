import { describe, expect, test } from 'vitest';
import { whyReport } from '../../../../src/cli/reports/why.ts';
import type { Finding, Location } from '../../../../src/inventory/finding.ts';

const location: Location = {
  chart: 'shop',
  profile: 'default',
  template: 'shop/templates/web.yaml',
  document: 0,
  kind: 'Deployment',
  name: 'web',
  path: 'spec.template.spec.containers[0].image',
  how: 'pod-spec',
  written: 'quay.io/shop/web:1',
};

function report(...found: Location[]): string {
  const finding: Finding = { reference: 'quay.io/shop/web:1', confidence: 'certain', need: 'install', found };
  return whyReport({ images: [finding] });
}

/** Returns the text after a label of the report. */
function field(label: string, ...found: Location[]): string | undefined {
  return new RegExp(`^ {4}${label} +(.*)$`, 'm').exec(report(...found))?.[1];
}

test('shows an image with one location', async () => {
  await expect(report(location)).toMatchFileSnapshot('golden/why.txt');
});

test('lists a location once, with all its profiles', () => {
  const other = { ...location, profile: 'production', values: ['web.image'] };
  expect(report(location, other).match(/Deployment\/web/g)).toHaveLength(1);
  expect(field('profile', location, other)).toBe('default, production');
  expect(field('values', location, other)).toBe('web.image');
});

test('names the Pod that runs it instead of a chart', () => {
  const pod = { namespace: 'shop', container: 'web', running: `quay.io/shop/web@sha256:${'a'.repeat(64)}` };
  const found: Location = { ...location, chart: '', profile: '', template: '', kind: 'Pod', name: 'web-1', pod };
  expect(report(found)).toContain('Pod/web-1 ');
  expect(field('namespace', found)).toBe('shop');
  expect(field('container', found)).toBe('web');
  expect(field('running', found)).toBe(pod.running);
  expect([field('chart', found), field('profile', found)]).toEqual([undefined, undefined]);
});

test('names the charts and subcharts that lead to a location', () => {
  const subcharts = [{ name: 'redis', version: '7.2.0', alias: 'cache' }, { name: 'exporter' }];
  expect(field('chart', { ...location, via: ['platform', 'apps'], subcharts })).toMatch(
    /^shop \(.*platform > apps\), subchart redis 7\.2\.0 as cache, subchart exporter$/,
  );
});

test('shows the written text if it differs, with the parts of the reference', () => {
  const parts = [
    { role: 'repository', path: 'spec.repository', text: 'shop/web' },
    { role: 'tag', path: 'spec.tag', text: '1' },
  ] as const;
  const split = { ...location, written: 'shop/web:1', parts, document: 2, within: 'line 3', hook: 'pre-install' };
  expect(field('written', split)).toBe('shop/web:1');
  expect(field('repository', split)).toBe('shop/web  (spec.repository)');
  expect(field('tag', split)).toBe('1  (spec.tag)');
  expect(field('template', split)).toBe('shop/templates/web.yaml, document 3');
  expect(field('inside', split)).toBe('line 3');
  expect(field('hook', split)).toBe('pre-install');
});

test('an image added by name has no location', () => {
  expect(
    report({ ...location, how: 'added', written: 'web' })
      .split('\n')
      .at(-1),
  ).toBe('  added by name, as web');
});

describe('redirects', () => {
  const values = { op: { image: '{reference}', hub: '{registry}' } };
  test.each<[NonNullable<Location['redirect']>, unknown]>([
    [{ kind: 'none' }, expect.stringMatching(/^none\b/)],
    [{ kind: 'values', values }, 'values op.image={reference}, op.hub={registry}'],
    [{ kind: 'env', name: 'IMAGE' }, 'environment variable IMAGE of the operator, {reference}'],
    [
      { kind: 'argument', name: '--image', value: '{repository}', values },
      'argument --image of the operator, {repository}; values op.image={reference}, op.hub={registry}',
    ],
    [{ kind: 'resource-field', name: 'Widget spec.image' }, 'field Widget spec.image, {reference}'],
  ])('%j', (redirect, words) => {
    expect(field('redirect', { ...location, redirect })).toEqual(words);
  });
});
