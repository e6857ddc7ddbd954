import { describe, expect, test } from 'vitest';
import type { Finding, Place } from '../../../src/lock/finding.ts';
import { whyReport } from '../../../src/ui/why.ts';

const place: Place = {
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

function report(...found: Place[]): string {
  const finding: Finding = { reference: 'quay.io/shop/web:1', confidence: 'certain', need: 'install', found };
  return whyReport({ images: [finding] });
}

/** What a line of the report says behind its label. */
function said(label: string, ...found: Place[]): string | undefined {
  return new RegExp(`^ {4}${label} +(.*)$`, 'm').exec(report(...found))?.[1];
}

test('an image with one place', () => {
  expect(report(place)).toBe(
    [
      'quay.io/shop/web:1',
      '  pulled by the install; certain, for Kubernetes itself or somebody who named it takes it for an image',
      '',
      '  Deployment/web spec.template.spec.containers[0].image',
      '    chart       shop',
      '    profile     default',
      '    template    shop/templates/web.yaml',
      '    found as    image field of a pod spec',
    ].join('\n'),
  );
});

test('the same place under several profiles is told once', () => {
  const other = { ...place, profile: 'production', values: ['web.image'] };
  expect(report(place, other).match(/Deployment\/web/g)).toHaveLength(1);
  expect(said('profile', place, other)).toBe('default, production');
  expect(said('values', place, other)).toBe('web.image');
});

test('a place tells the charts on the way to it', () => {
  const subcharts = [{ name: 'redis', version: '7.2.0', alias: 'cache' }, { name: 'exporter' }];
  expect(said('chart', { ...place, via: ['platform', 'apps'], subcharts })).toBe(
    'shop (brought along by platform > apps), subchart redis 7.2.0 as cache, subchart exporter',
  );
});

test('what was written is told when it differs, with the parts that it was put together from', () => {
  const parts = [
    { role: 'repository', path: 'spec.repository', text: 'shop/web' },
    { role: 'tag', path: 'spec.tag', text: '1' },
  ] as const;
  const split = { ...place, written: 'shop/web:1', parts, document: 2, within: 'line 3', hook: 'pre-install' };
  expect(said('written', split)).toBe('shop/web:1');
  expect(said('repository', split)).toBe('shop/web  (spec.repository)');
  expect(said('tag', split)).toBe('1  (spec.tag)');
  expect(said('template', split)).toBe('shop/templates/web.yaml, document 3');
  expect(said('inside', split)).toBe('line 3');
  expect(said('hook', split)).toBe('pre-install');
});

test('an image that somebody added has no place', () => {
  expect(
    report({ ...place, how: 'added', written: 'web' })
      .split('\n')
      .at(-1),
  ).toBe('  added by name, as web');
});

describe('a redirect is told in words', () => {
  const values = { op: { image: '{reference}', hub: '{registry}' } };
  test.each<[NonNullable<Place['redirect']>, string]>([
    [{ kind: 'none' }, 'nothing moves it to another registry: the operator has it built in'],
    [{ kind: 'values', values }, 'values op.image={reference}, op.hub={registry}'],
    [{ kind: 'env', name: 'IMAGE' }, 'environment variable IMAGE of the operator, {reference}'],
    [
      { kind: 'argument', name: '--image', value: '{repository}', values },
      'argument --image of the operator, {repository}; values op.image={reference}, op.hub={registry}',
    ],
    [{ kind: 'resource-field', name: 'Widget spec.image' }, 'field Widget spec.image, {reference}'],
  ])('%j', (redirect, words) => {
    expect(said('redirect', { ...place, redirect })).toBe(words);
  });
});
