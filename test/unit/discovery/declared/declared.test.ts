import { describe, expect, test } from 'vitest';
import { contradictions, declaredReferences, withoutContradictions } from '../../../../src/discovery/declared/index.ts';
import { toFindings } from '../../../../src/discovery/index.ts';
import type { LocatedReference } from '../../../../src/inventory/finding.ts';

const context = { chart: 'app', profile: 'default' };

function declare(chart: string, values: object = {}, files: Record<string, string> = {}): LocatedReference[] {
  const metadata = { name: 'app', ...(JSON.parse(chart) as object) };
  return declaredReferences({
    metadata,
    files: new Map(Object.entries(files)),
    values: values as Record<string, unknown>,
    context,
  });
}

function annotated(key: string, list: string, otherFields: object = {}): string {
  return JSON.stringify({ annotations: { [key]: list }, ...otherFields });
}

function found(reference: string): LocatedReference {
  return {
    ...context,
    template: 'app/templates/d.yaml',
    document: 0,
    kind: 'Deployment',
    name: 'd',
    path: 'spec.image',
    how: 'pod-spec',
    written: reference,
    reference,
    confidence: 'certain',
    need: 'install',
  };
}

describe('declared lists', () => {
  test.each(['artifacthub.io/images', 'helm.sh/images', 'images'])(
    '%s is possible, and says where it stands',
    (key) => {
      const list = '- name: a\n  image: quay.io/acme/a:1\n  whitelisted: true\n- image: nginx\n- name: no image\n';
      expect(declare(annotated(key, list))).toEqual([
        {
          ...context,
          template: 'app/Chart.yaml',
          document: 0,
          kind: '',
          name: '',
          path: `annotations["${key}"]`,
          within: 'yaml:[0].image',
          how: 'declared',
          written: 'quay.io/acme/a:1',
          reference: 'quay.io/acme/a:1',
          confidence: 'possible',
          need: 'install',
        },
        expect.objectContaining({ reference: 'docker.io/library/nginx:latest', within: 'yaml:[1].image' }),
      ]);
    },
  );

  test.each([
    ['true', { db: { enabled: true } }, 'likely', 'install'],
    ['false', { db: { enabled: false } }, 'possible', 'optional'],
    ['a text', { db: { enabled: 'true' } }, 'possible', 'optional'],
    ['missing', {}, 'possible', 'optional'],
  ])('a condition that is %s', (_name, values, confidence, need) => {
    const list = '- name: db\n  image: acme/db:1\n  condition: db.enabled\n';
    expect(declare(annotated('helm.sh/images', list), values)).toMatchObject([{ confidence, need }]);
  });

  test('Images.lock, with the charts of its entries', () => {
    const images = [
      { name: 'a', image: 'quay.io/acme/a:1', chart: 'app', digests: [{ digest: 'sha256:1', arch: 'linux/amd64' }] },
      { name: 'r', image: 'docker.io/acme/redis:7', chart: 'redis' },
    ];
    const chart = JSON.stringify({ dependencies: [{ name: 'redis', condition: 'redis.enabled' }] });
    const lock = JSON.stringify({ apiVersion: 'v0', kind: 'ImagesLock', images });
    expect(declare(chart, { redis: { enabled: false } }, { 'Images.lock': lock })).toMatchObject([
      { template: 'app/Images.lock', path: 'images[0].image', reference: 'quay.io/acme/a:1', need: 'install' },
      { path: 'images[1].image', reference: 'docker.io/acme/redis:7', need: 'optional' },
    ]);
    expect(declare('{}', {}, { 'Images.lock': lock.replace('ImagesLock', 'Other') })).toEqual([]);
  });

  test('conditions of subcharts use their own values, by alias; disabled subcharts have none', () => {
    const dependencies = [
      { name: 'db', alias: 'primary', condition: 'primary.enabled' },
      { name: 'db', alias: 'second', condition: 'second.enabled' },
      { name: 'ui', tags: ['web'] },
    ];
    const list = (image: string): string => `- image: ${image}\n  condition: metrics.enabled\n`;
    const files = {
      'charts/db/Chart.yaml': `name: db\nannotations:\n  helm.sh/images: ${JSON.stringify(list('acme/exporter:1'))}\n`,
      'charts/ui/Chart.yaml': `name: ui\nannotations:\n  images: ${JSON.stringify(list('acme/ui:1'))}\n`,
      'charts/loose/Chart.yaml': `name: loose\nannotations:\n  images: ${JSON.stringify(list('acme/loose:1'))}\n`,
    };
    const values = {
      primary: { enabled: true, metrics: { enabled: false } },
      second: { enabled: true, metrics: { enabled: true } },
      ui: { metrics: { enabled: true } },
      loose: { metrics: { enabled: true } },
      tags: { web: false },
    };
    const summary = (values: object): string[] =>
      declare(JSON.stringify({ dependencies }), values, files).map(({ reference, need }) => `${reference} ${need}`);
    expect(summary(values)).toEqual([
      'docker.io/acme/exporter:1 install',
      'docker.io/acme/loose:1 install',
      'docker.io/acme/ui:1 optional',
    ]);
    expect(summary({ ...values, second: { enabled: false, metrics: { enabled: true } } })[0]).toBe(
      'docker.io/acme/exporter:1 optional',
    );
  });

  test.each([
    ['no YAML', '- [broken'],
    ['no list', 'image: acme/a:1'],
    ['templates', '- image: acme/a:{{ .Chart.AppVersion }}\n- image: $REGISTRY/a:1'],
    ['addresses', '- image: https://quay.io/acme/a:1'],
  ])('%s declares nothing', (_name, list) => {
    expect(declare(annotated('artifacthub.io/images', list))).toEqual([]);
  });
});

describe('declared and found references', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const list = (...images: string[]): LocatedReference[] =>
    declare(annotated('images', images.map((image) => `- image: ${image}\n`).join('')));

  test('an equal reference only adds a location', () => {
    const rendered = [found('quay.io/acme/a:1')];
    const declared = withoutContradictions(list('quay.io/acme/a:1'), rendered);
    expect(toFindings([...rendered, ...declared])).toMatchObject([
      { reference: 'quay.io/acme/a:1', confidence: 'certain', found: [{ how: 'pod-spec' }, { how: 'declared' }] },
    ]);
  });

  test.each([
    [`quay.io/acme/a:1@${digest}`, 'quay.io/acme/a:1'],
    ['quay.io/acme/a:1', `quay.io/acme/a:1@${digest}`],
    [`quay.io/acme/a@${digest}`, `quay.io/acme/a:1@${digest}`],
  ])('a digest that only one of them has does not add a finding', (image, rendered) => {
    expect(contradictions(list(image), [found(rendered)])).toEqual([]);
    expect(withoutContradictions(list(image), [found(rendered)])).toMatchObject([
      { reference: rendered, written: image },
    ]);
  });

  test.each([
    ['quay.io/acme/a:2', 'quay.io/acme/a:1', 'tag'],
    ['ghcr.io/acme/a:1', 'quay.io/acme/a:1', 'registry'],
    [`quay.io/acme/a:1@${digest}`, `quay.io/acme/a:1@sha256:${'b'.repeat(64)}`, 'digest'],
  ])('%s contradicts %s', (image, rendered, differs) => {
    const declared = list(image);
    expect(contradictions(declared, [found(rendered)])).toEqual([
      { declared: declared[0], found: [rendered], differs },
    ]);
    expect(withoutContradictions(declared, [found(rendered)])).toEqual([]);
  });

  test('references that are not in the render, and further versions of agreeing ones, are kept', () => {
    const declared = list('acme/other:1', 'acme/kafka:3', 'acme/kafka:4');
    const rendered = [found('docker.io/acme/kafka:4')];
    expect(contradictions(declared, rendered)).toEqual([]);
    expect(withoutContradictions(declared, rendered)).toEqual(declared);
  });
});
