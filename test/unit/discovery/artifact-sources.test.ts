import { describe, expect, it } from 'vitest';
import { discover } from '../../support/discovery/references.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function found(manifest: object): [reference: string, written: string, parts: string][] {
  return discover(JSON.stringify(manifest)).map(({ reference, written, parts = [] }) => [
    reference,
    written,
    parts.map(({ role, path }) => `${role} ${path}`).join(', '),
  ]);
}

const flux = (spec: object): object => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'OCIRepository',
  metadata: { name: 'x' },
  spec,
});
const argo = (spec: object): object => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: { name: 'x' },
  spec,
});

describe('an OCIRepository of Flux', () => {
  const url = 'oci://ghcr.io/acme/deploy';

  it.each([
    [{ tag: '1.2.0' }, ':1.2.0', 'repository spec.url, tag spec.ref.tag'],
    [{ tag: 1.5 }, ':1.5', 'repository spec.url, tag spec.ref.tag'],
    [{ digest: DIGEST }, `@${DIGEST}`, 'repository spec.url, digest spec.ref.digest'],
    [{ digest: DIGEST, semver: '1.x', tag: 'old' }, `@${DIGEST}`, 'repository spec.url, digest spec.ref.digest'],
    [{ tag: `1.2.0@${DIGEST}` }, `:1.2.0@${DIGEST}`, 'repository spec.url, tag spec.ref.tag'],
  ])('with ref %j', (ref, suffix, parts) => {
    expect(found(flux({ url, ref }))).toEqual([[`ghcr.io/acme/deploy${suffix}`, url + suffix, parts]]);
  });

  it('without ref is the tag latest', () => {
    expect(found(flux({ url }))).toEqual([['ghcr.io/acme/deploy:latest', url, 'repository spec.url']]);
  });

  it.each([{ semver: '>= 1.0.0' }, { tag: 'not a tag' }, { digest: 'sha256:short' }])(
    'with ref %j is not one artifact',
    (ref) => {
      expect(found(flux({ url, ref }))).toEqual([]);
    },
  );

  it('that is suspended is optional', () => {
    expect(discover(JSON.stringify(flux({ url, suspend: true })))).toMatchObject([{ need: 'optional' }]);
  });
});

describe('a source of Argo CD', () => {
  it.each([
    [
      { repoURL: 'ghcr.io/acme/charts', chart: 'shop', targetRevision: '1.4.0' },
      'ghcr.io/acme/charts/shop:1.4.0',
      'repository spec.source.repoURL, image spec.source.chart, tag spec.source.targetRevision',
    ],
    [
      { repoURL: 'ghcr.io/acme/charts', chart: 'shop', targetRevision: DIGEST },
      `ghcr.io/acme/charts/shop@${DIGEST}`,
      'repository spec.source.repoURL, image spec.source.chart, digest spec.source.targetRevision',
    ],
    [
      { repoURL: 'oci://ghcr.io/acme/native', path: '.', targetRevision: 'main' },
      'ghcr.io/acme/native:main',
      'repository spec.source.repoURL, tag spec.source.targetRevision',
    ],
    [
      { repoURL: 'oci://ghcr.io/acme/native', path: '.', targetRevision: `v1@${DIGEST}` },
      `ghcr.io/acme/native:v1@${DIGEST}`,
      'repository spec.source.repoURL, tag spec.source.targetRevision',
    ],
  ])('%j is one artifact', (source, reference, parts) => {
    expect(found(argo({ source })).map(([name, , fields]) => [name, fields])).toEqual([[reference, parts]]);
  });

  it.each([
    { repoURL: 'https://charts.example', chart: 'shop', targetRevision: '1.4.0' },
    { repoURL: 'https://git.example/x.git', path: 'a', targetRevision: 'v1.0' },
    { repoURL: 'ghcr.io/acme/charts', chart: 'shop', targetRevision: '1.x' },
    { repoURL: 'ghcr.io/acme/charts', chart: 'shop', targetRevision: '^1.2.0' },
    { repoURL: 'ghcr.io/acme/charts', chart: 'shop', targetRevision: '*' },
    { repoURL: 'ghcr.io/acme/charts', chart: 'shop' },
    { repoURL: 'oci://ghcr.io/acme/native', path: '.' },
    { repoURL: '{{repo}}/charts', chart: 'shop', targetRevision: '{{version}}' },
  ])('%j is none', (source) => {
    expect(found(argo({ source }))).toEqual([]);
  });

  it('may be one of several, or in the template of an ApplicationSet', () => {
    const source = { repoURL: 'ghcr.io/acme/charts', chart: 'shop', targetRevision: '1.4.0' };
    const several = argo({
      source: { ...source, chart: 'ignored' },
      sources: [{ repoURL: 'https://g.example/x.git' }, source],
    });
    expect(discover(JSON.stringify(several))).toMatchObject([
      { reference: 'ghcr.io/acme/charts/shop:1.4.0', path: 'spec.sources[1].repoURL' },
    ]);
    const set = { ...argo({ generators: [], template: { spec: { source } } }), kind: 'ApplicationSet' };
    expect(discover(JSON.stringify(set))).toMatchObject([{ path: 'spec.template.spec.source.repoURL' }]);
  });
});
