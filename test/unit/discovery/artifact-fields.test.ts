import { describe, expect, it } from 'vitest';
import { isFetchedByController } from '../../../src/discovery/index.ts';
import { discover, references } from '../../support/discovery/references.ts';

const HEX = 'a'.repeat(64);

function object(apiVersion: string, kind: string, spec: object): string {
  return JSON.stringify({ apiVersion, kind, metadata: { name: 'x' }, spec });
}

const kserve = (kind: string, spec: object, version = 'v1beta1'): string =>
  object(`serving.kserve.io/${version}`, kind, spec);
const wasm = (spec: object): string => object('extensions.istio.io/v1alpha1', 'WasmPlugin', spec);

describe('a model of KServe', () => {
  it.each([
    [
      'a predictor',
      'InferenceService',
      { predictor: { model: { storageUri: 'oci://quay.io/m/a:1' } } },
      'quay.io/m/a:1',
    ],
    [
      'a framework',
      'InferenceService',
      { predictor: { sklearn: { storageUri: 'oci://quay.io/m/a' } } },
      'quay.io/m/a:latest',
    ],
    ['an explainer', 'InferenceService', { explainer: { art: { storageUri: 'oci://m/a:1' } } }, 'docker.io/m/a:1'],
    [
      'a list',
      'InferenceService',
      { transformer: { storageUris: [{ uri: 'oci+native://quay.io/m/a:1' }] } },
      'quay.io/m/a:1',
    ],
    ['a trained model', 'TrainedModel', { model: { storageUri: 'oci+fetch://quay.io/m/a:1' } }, 'quay.io/m/a:1'],
    [
      'a language model',
      'LLMInferenceService',
      { model: { uri: `oci://quay.io/m/a@sha256:${HEX}` } },
      `quay.io/m/a@sha256:${HEX}`,
    ],
    [
      'an adapter',
      'LLMInferenceServiceConfig',
      { model: { lora: { adapters: [{ uri: 'oci+modelcar://quay.io/m/l:1' }] } } },
      'quay.io/m/l:1',
    ],
    ['a cache', 'LocalModelCache', { sourceModelUri: 'oci://quay.io/m/a:1' }, 'quay.io/m/a:1'],
  ])('of %s is an image', (_, kind, spec, expected) => {
    expect(references(kserve(kind, spec))).toEqual([expected]);
  });

  it('keeps its scheme in the written text, and its field', () => {
    const [found] = discover(
      kserve('InferenceService', { predictor: { storageUris: [{ uri: 'oci+native://quay.io/m/a:1' }] } }),
    );
    expect(found).toMatchObject({
      written: 'oci+native://quay.io/m/a:1',
      path: 'spec.predictor.storageUris[0].uri',
      how: 'custom-resource',
      confidence: 'certain',
      need: 'install',
    });
  });

  it.each([
    's3://bucket/m:1',
    'gs://bucket/m:1',
    'hf://acme/m:1',
    'pvc://claim/m:1',
    'https://acme.dev/m:1',
    'quay.io/m/a:1.0',
    'OCI://quay.io/m/a:1',
    'oci://',
  ])('in %s is not one by its field', (storageUri) => {
    const found = discover(kserve('InferenceService', { predictor: { model: { storageUri } } }));
    expect(found.filter(({ confidence }) => confidence === 'certain')).toEqual([]);
  });

  it('is found in a list, in a text, and beside other images of the object', () => {
    const service = kserve('InferenceService', {
      predictor: { model: { image: 'quay.io/own/server:1', storageUri: 'oci://quay.io/m/a:1' } },
    });
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [JSON.parse(service)] });
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      data: { 'a.json': service },
    });
    for (const manifest of [list, text]) {
      expect(references(manifest).sort()).toEqual(['quay.io/m/a:1', 'quay.io/own/server:1']);
    }
    expect(discover(text).find(({ reference }) => reference === 'quay.io/m/a:1')).toMatchObject({
      path: 'data["a.json"]',
      within: 'json:spec.predictor.model.storageUri',
    });
  });

  it('is none in another group, or elsewhere in the object', () => {
    const spec = { model: { storageUri: 'oci://quay.io/m/a:1', uri: 'oci://quay.io/m/b:1' } };
    expect(discover(object('serving.example.com/v1', 'InferenceService', spec))).toEqual([]);
    expect(
      references(kserve('InferenceService', { predictor: { labels: { a: 'oci://quay.io/m/c:1' } }, ...spec })),
    ).toEqual(['quay.io/m/a:1']);
  });
});

describe('a plugin of a proxy', () => {
  it.each([
    ['oci://ghcr.io/p/auth:1', 'ghcr.io/p/auth:1'],
    ['ghcr.io/p/auth:1', 'ghcr.io/p/auth:1'],
    ['ghcr.io/p/auth', 'ghcr.io/p/auth:latest'],
    ['openid', 'docker.io/library/openid:latest'],
    [`oci://ghcr.io/p/auth@sha256:${HEX}`, `ghcr.io/p/auth@sha256:${HEX}`],
  ])('of Istio at %s is an image: oci:// is the default', (url, expected) => {
    expect(references(wasm({ url }))).toEqual([expected]);
  });

  it.each(['https://acme.dev/p.wasm', 'http://acme.dev/p:1.0', 'file:///opt/p.wasm', ''])(
    'of Istio at %j is none',
    (url) => {
      expect(discover(wasm({ url }))).toEqual([]);
    },
  );

  it('with a checksum is pinned to it, because the proxy compares them', () => {
    const [found] = discover(wasm({ url: 'oci://ghcr.io/p/auth:1', sha256: HEX }));
    expect(found).toMatchObject({ reference: `ghcr.io/p/auth:1@sha256:${HEX}`, written: 'oci://ghcr.io/p/auth:1' });
    expect(references(wasm({ url: `ghcr.io/p/auth@sha256:${'b'.repeat(64)}`, sha256: HEX }))).toEqual([
      `ghcr.io/p/auth@sha256:${'b'.repeat(64)}`,
    ]);
    expect(references(wasm({ url: 'ghcr.io/p/auth:1', sha256: 'short' }))).toEqual(['ghcr.io/p/auth:1']);
  });

  it('of Envoy Gateway is an image of its code', () => {
    const policy = (code: object): string =>
      object('gateway.envoyproxy.io/v1alpha1', 'EnvoyExtensionPolicy', { wasm: [{ name: 'w', code }] });
    expect(references(policy({ type: 'Image', image: { url: 'ghcr.io/p/wasm:v1' } }))).toEqual(['ghcr.io/p/wasm:v1']);
    expect(references(policy({ type: 'HTTP', http: { url: 'https://acme.dev/w.wasm' } }))).toEqual([]);
  });

  it('is fetched by the proxy, unlike a model and the image of a container', () => {
    expect(isFetchedByController({ kind: 'WasmPlugin', path: 'spec.url' })).toBe(true);
    expect(isFetchedByController({ kind: 'InferenceService', path: 'spec.predictor.model.storageUri' })).toBe(false);
    expect(isFetchedByController({ kind: 'Application', path: 'spec.components[0].image' })).toBe(false);
  });
});
