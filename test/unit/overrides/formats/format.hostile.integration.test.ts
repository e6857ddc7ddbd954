import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import * as postRenderMap from '../../../../src/overrides/edits/post-render-map.ts';
import { formatArgoApplication } from '../../../../src/overrides/formats/argocd.ts';
import { formatContainerd } from '../../../../src/overrides/formats/containerd.ts';
import { formatCrio } from '../../../../src/overrides/formats/crio.ts';
import { formatFlux } from '../../../../src/overrides/formats/flux.ts';
import type { DeliveredChart, GeneratedFiles } from '../../../../src/overrides/formats/format.ts';
import { formatImageMap } from '../../../../src/overrides/formats/image-map.ts';
import { formatK3s } from '../../../../src/overrides/formats/k3s.ts';
import { formatKustomize } from '../../../../src/overrides/formats/kustomize.ts';
import { formatKyverno } from '../../../../src/overrides/formats/kyverno.ts';
import { formatMirrorSet } from '../../../../src/overrides/formats/mirrorset.ts';
import { formatPolicyController } from '../../../../src/overrides/formats/policy-controller.ts';
import { formatTalos } from '../../../../src/overrides/formats/talos.ts';
import { formatOverrides } from '../../../../src/overrides/overrides-file.ts';
import { CONTROL_CHARACTERS, hostileText } from '../../../support/hostile-text.ts';
import { signedImage, signers } from '../../../support/policies.ts';
import fc from '../../../support/property.ts';

const target = parseTarget('registry.internal.example/mirror', 'host-path');
const reference = 'quay.io/team/app:2';

/** Parses the documents of a file; fails on errors and on characters that other parsers treat as line breaks. */
function documentsIn({ files: [file] }: Pick<GeneratedFiles, 'files'>): unknown[] {
  const text = file?.text ?? '';
  expect(text).not.toMatch(CONTROL_CHARACTERS);
  return parseAllDocuments(text).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS();
  });
}

const values = fc.dictionary(
  hostileText.filter((key) => key !== '__proto__'),
  fc.oneof(
    hostileText,
    fc.array(hostileText, { maxLength: 2 }),
    fc.dictionary(hostileText, hostileText, { maxKeys: 2 }),
  ),
  { maxKeys: 3, noNullPrototype: true },
);

const delivered = fc
  .record({ version: hostileText, header: fc.array(hostileText, { maxLength: 3 }), overrides: values })
  .map(
    (hostile): DeliveredChart => ({
      name: 'shop',
      releaseName: 'front',
      namespace: 'store',
      target,
      plainHttp: false,
      ...hostile,
    }),
  );

describe('for hostile chart names and content', () => {
  it('an Application is one document with the expected content', () => {
    fc.assert(
      fc.property(delivered, (chart) => {
        const documents = documentsIn(formatArgoApplication(chart));
        expect(documents).toHaveLength(1);
        expect(documents[0]).toMatchObject({
          kind: 'Application',
          spec: { source: { targetRevision: chart.version, helm: { valuesObject: chart.overrides } } },
        });
      }),
    );
  });

  it('a HelmRelease has its source and no further documents', () => {
    fc.assert(
      fc.property(delivered, (chart) => {
        const documents = documentsIn(formatFlux(chart));
        expect(documents).toMatchObject([
          { kind: 'OCIRepository', spec: { ref: { tag: chart.version.replaceAll('+', '_') } } },
          { kind: 'HelmRelease', spec: { values: chart.overrides } },
        ]);
      }),
    );
  });

  it('an existing manifest keeps its number of documents', () => {
    const application = 'kind: Application\nspec: {source: {chart: shop, helm: {}}}\n---\nkind: ConfigMap\n';
    const release = 'kind: HelmRelease\nmetadata: {name: a}\nspec: {chart: {spec: {chart: shop, version: 1.x}}}\n';
    fc.assert(
      fc.property(delivered, (chart) => {
        const argo = formatArgoApplication(chart, { text: application, document: 0, path: 'spec.source' });
        expect(documentsIn(argo)).toMatchObject([
          { spec: { source: { targetRevision: chart.version, helm: { valuesObject: chart.overrides } } } },
          { kind: 'ConfigMap' },
        ]);
        const flux = formatFlux(chart, { text: release, document: 0, path: 'spec.chart.spec' });
        expect(documentsIn(flux)).toMatchObject([
          { spec: { chart: { spec: { version: chart.version } }, values: chart.overrides } },
          { kind: 'HelmRepository' },
        ]);
      }),
    );
  });

  it('values given as text in an Application stay text', () => {
    const application = 'kind: Application\nspec: {source: {chart: shop, helm: {values: "a: 1"}}}\n';
    fc.assert(
      fc.property(delivered, (chart) => {
        const [document] = documentsIn(
          formatArgoApplication(chart, { text: application, document: 0, path: 'spec.source' }),
        );
        const { helm } = (document as { spec: { source: { helm: { values: string } } } }).spec.source;
        expect(documentsIn({ files: [{ path: '', text: helm.values }] })).toEqual([{ a: 1, ...chart.overrides }]);
      }),
    );
  });

  it('a kustomization is one document', () => {
    const location = fc.record({ template: hostileText, kind: hostileText, name: hostileText, within: hostileText });
    fc.assert(
      fc.property(hostileText, hostileText, fc.array(location, { maxLength: 3 }), (title, written, locations) => {
        const common = { chart: 'shop', profile: 'default', document: 0, how: 'pod-spec' as const, reference };
        const changeable = {
          ...common,
          template: 't',
          kind: 'Pod',
          name: 'p',
          path: 'spec.containers[0].image',
          written,
        };
        const unchangeable = locations.map((one) => ({ ...common, ...one, path: 'data.x', written: reference }));
        const documents = documentsIn(formatKustomize([changeable, ...unchangeable], target, title));
        expect(documents).toMatchObject([{ kind: 'Kustomization', images: [{ newTag: '2' }] }]);
      }),
    );
  });

  it('mirror sets, an image map and hosts.toml have the expected content', () => {
    fc.assert(
      fc.property(hostileText, (title) => {
        const references = [parseReference(reference)];
        const documents = documentsIn(formatMirrorSet(references, target, { title, name: 'airgap-shop' }));
        expect(documents).toMatchObject([{ kind: 'ImageTagMirrorSet', metadata: { name: 'airgap-shop' } }]);
        const keys = {
          map: formatImageMap(references, target),
          toml: formatContainerd(references, target, { plainHttp: false }),
        };
        expect(Object.keys(JSON.parse(keys.map.files[0]?.text ?? ''))).toEqual([reference]);
        expect(keys.toml.files[0]?.text.split('\n').filter((line) => !line.startsWith('#'))).toHaveLength(8);
      }),
    );
  });

  it('policies have their rules, and identities and reasons as text', () => {
    const log = { url: 'https://rekor.example', publicKey: 'KEY', isEcdsa: true };
    fc.assert(
      fc.property(hostileText, hostileText, hostileText, hostileText, (title, exact, name, reason) => {
        const authority = { organization: name, commonName: name, uri: name, certificates: 'CERTIFICATE' };
        const trusted = { authorities: [authority], logs: [log], certificateLogs: [log] };
        const image = signedImage(reference, signers({ identity: { exact }, issuer: { exact: 'https://i.example' } }));
        const images = [image];
        const unsigned = [{ ...image, message: reason }];
        const options = { title, trusted, plainHttp: false, unsigned, exempt: [] };
        const [policy, ...others] = documentsIn(formatKyverno(images, target, options));
        expect(others).toEqual([]);
        expect(policy).toMatchObject({ kind: 'ClusterPolicy', spec: { rules: [{ name: 'signatures-1' }] } });
        expect(documentsIn(formatPolicyController(images, target, options))).toMatchObject([
          {
            kind: 'TrustRoot',
            spec: { sigstoreKeys: { certificateAuthorities: [{ subject: { commonName: name } }] } },
          },
          { spec: { authorities: [{ keyless: { identities: [{ issuer: 'https://i.example', subject: exact }] } }] } },
        ]);
      }),
    );
  });

  it('files for nodes have only their own entries', () => {
    fc.assert(
      fc.property(hostileText, (title) => {
        const references = [parseReference(reference)];
        const options = { title, plainHttp: false };
        expect(documentsIn(formatK3s(references, target, options))).toMatchObject([{ mirrors: { 'quay.io': {} } }]);
        const talos = { machine: { registries: { mirrors: { 'quay.io': {} } } } };
        expect(documentsIn(formatTalos(references, target, options))).toMatchObject([talos]);
        const crio = formatCrio(references, target, options).files[0]?.text ?? '';
        expect(crio).not.toMatch(CONTROL_CHARACTERS);
        expect(crio.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
          '[[registry]]',
          'prefix = "quay.io"',
          'location = "registry.internal.example/mirror/quay.io"',
        ]);
      }),
    );
  });

  it('overrides are one document with the expected values', () => {
    fc.assert(
      fc.property(fc.array(hostileText, { maxLength: 3 }), values, (header, overrides) => {
        const settings = Object.entries(overrides).map(([key, value]) => ({ path: [key], value, comment: 'x' }));
        const text = formatOverrides(
          header.map((line) => line.replace(/\s/g, '')),
          {},
          settings,
        );
        expect(documentsIn({ files: [{ path: '', text }] })).toEqual([overrides]);
      }),
    );
  });

  it('a post-render map is parsed with the expected entries', () => {
    const entry = fc.record({ template: hostileText, kind: hostileText, path: hostileText, from: hostileText });
    fc.assert(
      fc.property(hostileText, entry, (version, one) => {
        const entries = [{ ...one, to: 'x' }];
        const text = postRenderMap.formatPostRenderMap({ chart: 'shop', version, target: 'r.example', entries });
        expect(text).not.toMatch(CONTROL_CHARACTERS);
        expect(JSON.parse(text)).toMatchObject({ version, entries });
      }),
    );
  });
});

it('invalid Kubernetes names are refused', () => {
  const chart: DeliveredChart = {
    ...{ name: 'shop', version: '1.0.0', releaseName: 'front', namespace: 'store', target, plainHttp: false },
    ...{ header: [], overrides: {} },
  };
  const invalidName = 'a\n---\nkind: Secret';
  for (const format of [formatArgoApplication, formatFlux]) {
    expect(() => format({ ...chart, releaseName: invalidName })).toThrow(
      expect.objectContaining({ code: 'chart-invalid' }),
    );
    expect(() => format({ ...chart, namespace: invalidName })).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => format({ ...chart, name: '../../x' })).toThrow(expect.objectContaining({ code: 'reference-invalid' }));
  }
  const mirrors = (): unknown => formatMirrorSet([parseReference(reference)], target, { title: '', name: invalidName });
  expect(mirrors).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
});
