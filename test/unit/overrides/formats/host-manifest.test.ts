import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { formatArgoApplication } from '../../../../src/overrides/formats/argocd.ts';
import { formatFlux } from '../../../../src/overrides/formats/flux.ts';
import type { GeneratedFiles } from '../../../../src/overrides/formats/format.ts';

const chart = {
  name: 'shop',
  version: 'v1.4.0+b7',
  releaseName: 'front',
  namespace: 'store',
  target: parseTarget('registry.internal.example/mirror', 'host-path'),
  overrides: { image: { registry: 'registry.internal.example/mirror/quay.io' }, extra: [{ image: 'x:1' }] },
  header: ['Overrides for chart shop v1.4.0+b7, target registry.internal.example/mirror.'],
  plainHttp: false,
};
const textOf = ({ files }: GeneratedFiles): string => files[0]?.text ?? '';
const allOf = (formatted: GeneratedFiles) => parseAllDocuments(textOf(formatted)).map((document) => document.toJS());

describe('an Application', () => {
  it('that is new has the pushed chart and the overrides', () => {
    const text = textOf(formatArgoApplication(chart));
    expect(text).toMatch(/^# Overrides for chart shop/);
    expect(parse(text)).toEqual({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: 'front', namespace: 'argocd' },
      spec: {
        project: 'default',
        destination: { server: 'https://kubernetes.default.svc', namespace: 'store' },
        source: {
          repoURL: 'registry.internal.example/mirror/charts',
          chart: 'shop',
          targetRevision: 'v1.4.0+b7',
          helm: { releaseName: 'front', valuesObject: chart.overrides },
        },
      },
    });
  });

  const APPLICATION = `# of the platform team
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: storefront, annotations: {team: a}}
spec:
  syncPolicy: {automated: {prune: true}} # keep
  sources:
    - {repoURL: https://git.example/x.git, path: a}
    - repoURL: https://charts.example/argo
      chart: shop
      targetRevision: 1.*
      helm:
        valuesObject:
          image: {tag: 8.0.0} # ours
`;

  it('that exists keeps everything else, including comments', () => {
    const formatted = formatArgoApplication(chart, { text: APPLICATION, document: 0, path: 'spec.sources[1]' });
    const text = textOf(formatted);
    for (const comment of ['# of the platform team', '# keep', '# ours']) expect(text).toContain(comment);
    const before = parse(APPLICATION);
    const after = parse(text);
    expect(after.spec.sources[1]).toEqual({
      repoURL: 'registry.internal.example/mirror/charts',
      chart: 'shop',
      targetRevision: 'v1.4.0+b7',
      helm: { valuesObject: { ...chart.overrides, image: { ...chart.overrides.image, tag: '8.0.0' } } },
    });
    expect({ ...after, spec: { ...after.spec, sources: [] } }).toEqual({
      ...before,
      spec: { ...before.spec, sources: [] },
    });
    expect(after.spec.sources[0]).toEqual(before.spec.sources[0]);
  });

  it('with values as text keeps them as text, because valuesObject would take precedence', () => {
    const text = APPLICATION.replace(
      'valuesObject:\n          image: {tag: 8.0.0}',
      'values: |\n          image: {tag: 8.0.0}',
    );
    const { helm } = parse(textOf(formatArgoApplication(chart, { text, document: 0, path: 'spec.sources[1]' }))).spec
      .sources[1];
    expect(Object.keys(helm)).toEqual(['values']);
    expect(parse(helm.values)).toMatchObject({ image: { tag: '8.0.0', ...chart.overrides.image } });
  });

  it('is not changed by a second run', () => {
    const position = { document: 0, path: 'spec.sources[1]' };
    const first = textOf(formatArgoApplication(chart, { text: APPLICATION, ...position }));
    expect(textOf(formatArgoApplication(chart, { text: first, ...position }))).toBe(first);
  });

  it('with an OCI URL keeps that form', () => {
    const text = `kind: Application\nspec: {source: {repoURL: "oci://r.example/c/shop", path: ., targetRevision: 1.0.0, helm: {}}}\n`;
    const { source } = parse(textOf(formatArgoApplication(chart, { text, document: 0, path: 'spec.source' }))).spec;
    expect(source).toMatchObject({ repoURL: 'oci://registry.internal.example/mirror/charts/shop', path: '.' });
    expect(source).not.toHaveProperty('chart');
  });
});

describe('a HelmRelease', () => {
  it('that is new has an OCIRepository with the pushed tag', () => {
    const [source, release] = allOf(formatFlux(chart));
    expect(source).toMatchObject({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'OCIRepository',
      metadata: { name: 'front', namespace: 'store' },
      spec: { url: 'oci://registry.internal.example/mirror/charts/shop', ref: { tag: 'v1.4.0_b7' } },
    });
    expect(release).toMatchObject({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      spec: { chartRef: { kind: 'OCIRepository', name: 'front' }, values: chart.overrides },
    });
    expect(source.spec).not.toHaveProperty('provider');
  });

  it('has the AWS provider for a private ECR, and is insecure for plain HTTP', () => {
    const target = parseTarget('123456789012.dkr.ecr.eu-west-1.amazonaws.com/m', 'host-path');
    expect(allOf(formatFlux({ ...chart, target }))[0].spec.provider).toBe('aws');
    expect(allOf(formatFlux({ ...chart, plainHttp: true }))[0].spec.insecure).toBe(true);
  });

  const RELEASE = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: reporting, namespace: apps}
spec:
  interval: 5m
  chart:
    spec:
      chart: shop
      version: 1.x
      valuesFiles: [values-prod.yaml]
      sourceRef: {kind: HelmRepository, name: stable, namespace: flux-system}
  values:
    image: {tag: 9.0.1}
`;

  it('that exists gets an additional repository, and the rest is kept', () => {
    const [release, repository] = allOf(formatFlux(chart, { text: RELEASE, document: 0, path: 'spec.chart.spec' }));
    expect(release.spec).toEqual({
      interval: '5m',
      chart: {
        spec: {
          chart: 'shop',
          version: 'v1.4.0+b7',
          valuesFiles: ['values-prod.yaml'],
          sourceRef: { kind: 'HelmRepository', name: 'reporting-airgap' },
        },
      },
      values: { ...chart.overrides, image: { ...chart.overrides.image, tag: '9.0.1' } },
    });
    expect(repository).toMatchObject({
      kind: 'HelmRepository',
      metadata: { name: 'reporting-airgap', namespace: 'apps' },
      spec: { type: 'oci', url: 'oci://registry.internal.example/mirror/charts' },
    });
  });

  it('is not changed by a second run', () => {
    const position = { document: 0, path: 'spec.chart.spec' };
    const first = textOf(formatFlux(chart, { text: RELEASE, ...position }));
    expect(textOf(formatFlux(chart, { text: first, ...position }))).toBe(first);
  });

  it('with an OCIRepository in the same file updates it', () => {
    const text = `kind: OCIRepository
metadata: {name: shop}
spec: {url: "oci://r.example/charts/shop", ref: {semver: 1.x}, interval: 10m}
---
kind: HelmRelease
metadata: {name: shop}
spec: {chartRef: {kind: OCIRepository, name: shop}}
`;
    const [source, release, ...others] = allOf(formatFlux(chart, { text, document: 1, path: 'spec.chartRef' }));
    expect(others).toEqual([]);
    expect(source.spec).toEqual({
      url: 'oci://registry.internal.example/mirror/charts/shop',
      ref: { tag: 'v1.4.0_b7' },
      interval: '10m',
    });
    expect(release.spec.values).toEqual(chart.overrides);
  });
});
