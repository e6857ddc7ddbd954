import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/base/errors.ts';
import { checkContainerImages, crossCheckImages, malformedImages } from '../../../src/discovery/cross-check.ts';
import { discoverReferences } from '../../../src/discovery/index.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { deployment } from '../../support/discovery/references.ts';
import { HOSTILE_MANIFESTS } from '../../support/hostile-yaml.ts';

const render = (manifest: string) => splitDocuments(`---\n# Source: app/templates/t.yaml\n${manifest}\n`);
const errorOf = (run: () => void): AirgapError | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof AirgapError) return error;
    throw error;
  }
};
const discover = (manifest: string) => discoverReferences(render(manifest), { chart: 'app', profile: 'default' });

describe('a manifest that Helm installs', () => {
  it.each(Object.entries(HOSTILE_MANIFESTS))('shows its image: %s', (_, manifest) => {
    const references = discover(manifest);
    const podReferences = references.filter(({ how }) => how === 'pod-spec').map(({ reference }) => reference);
    expect(podReferences).toEqual(['ghcr.io/acme/a:1.0']);
    expect(errorOf(() => crossCheckImages(render(manifest), references))).toBeUndefined();
  });
});

describe('crossCheckImages', () => {
  const manifest = HOSTILE_MANIFESTS.plain as string;

  it('throws `disagreement` with the document if an image was not found', () => {
    const error = errorOf(() => crossCheckImages(render(manifest), []));
    expect(error).toMatchObject({ code: 'disagreement', exitCode: 3 });
    expect(error?.message).toContain('app/templates/t.yaml');
    expect(error?.message).toContain('spec.template.spec.containers[0].image');
  });

  it('throws `disagreement` if another image was found, or one more', () => {
    const [located] = discover(manifest);
    if (located === undefined) throw new Error('nothing found');
    const other = { ...located, written: 'ghcr.io/acme/a:2.0' };
    const additional = { ...located, path: 'spec.template.spec.containers[1].image' };
    expect(errorOf(() => crossCheckImages(render(manifest), [other]))?.code).toBe('disagreement');
    expect(errorOf(() => crossCheckImages(render(manifest), [located, additional]))?.code).toBe('disagreement');
  });

  it('ignores what Kubernetes rejects anyway: a Pod without an API version', () => {
    const text = 'kind: Pod\nspec: {containers: [{image: "reg.io/a:1"}]}';
    expect(errorOf(() => crossCheckImages(render(text), discover(text)))).toBeUndefined();
  });

  it.each(['rbac.authorization.k8s.io/v1 Role', 'v1 ConfigMap', 'apps/v1 Deployment', 'acme.io/v1 Thing'])(
    'throws `disagreement` for a list with another kind: %s',
    (typeText) => {
      const [apiVersion, kind] = typeText.split(' ');
      const items = `items:\n- ${manifest.trim().replaceAll('\n', '\n  ')}\n`;
      for (const text of [
        `apiVersion: ${apiVersion}\nkind: ${kind}\n${items}`,
        `apiVersion: v1\nkind: List\nitems:\n- apiVersion: ${apiVersion}\n  kind: ${kind}\n  ${items.replaceAll('\n', '\n  ')}\n`,
        `apiVersion: ${apiVersion}\nkind: ${kind}\na: &a\n  ${items.replaceAll('\n', '\n  ')}\n<<: *a\n`,
      ]) {
        expect(errorOf(() => crossCheckImages(render(text), discover(text)))).toMatchObject({ code: 'disagreement' });
      }
    },
  );

  it.each([
    ['no YAML', 'kind: Deployment\n  a: b: c'],
    ['an anchor that contains itself', 'kind: Deployment\na: &a [*a]'],
    ['an unknown alias', 'kind: Deployment\na: *a'],
  ])('throws `disagreement` for an unreadable document: %s', (_, text) => {
    expect(errorOf(() => crossCheckImages(render(text), []))).toMatchObject({ code: 'disagreement', exitCode: 3 });
  });

  it.each([600, 5000, 50_000])('throws `chart-invalid` for a document with %i levels', (levels) => {
    const text = `kind: Deployment\na: ${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect(errorOf(() => crossCheckImages(render(text), []))).toMatchObject({ code: 'chart-invalid', exitCode: 1 });
  });
});

describe('checkContainerImages', () => {
  const pod = (spec: object) => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });
  const job = { containers: [{ image: 'reg.io/a:1' }], initContainers: [{ image: 'Foo/Bar:1' }] };
  const cron = JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'c' },
    spec: { jobTemplate: { spec: { template: { spec: job } } } },
  });

  it.each([
    ['an empty tag', deployment({ image: 'ghcr.io/acme/b:' }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['a tag alone', deployment({ image: ':1.2' }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['capitals', deployment({ image: 'ghcr.io/Foo/Bar:1' }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['nothing', deployment({ image: '' }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['null', deployment({ image: null }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['a number', deployment({ image: 1.2 }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['a blank in front', deployment({ image: ' reg.io/a:1' }), 'Deployment/d spec.template.spec.containers[0].image'],
    ['an init container', cron, 'CronJob/c spec.jobTemplate.spec.template.spec.initContainers[0].image'],
    [
      'an ephemeral container',
      pod({ ephemeralContainers: [{ image: 'b:' }] }),
      'Pod/p spec.ephemeralContainers[0].image',
    ],
    [
      'an image volume',
      pod({ volumes: [{}, { image: { reference: 'b:' } }] }),
      'Pod/p spec.volumes[1].image.reference',
    ],
  ])('rejects invalid references with their location: %s', (_, manifest, located) => {
    const error = errorOf(() => checkContainerImages(render(manifest)));
    expect(error).toMatchObject({ code: 'chart-invalid', exitCode: 1 });
    expect(error?.message).toContain(`app/templates/t.yaml: ${located}`);
  });

  it.each([
    ['a reference', deployment({})],
    ["Istio's placeholder", deployment({ image: 'auto' })],
    ['a container whose image a webhook sets', deployment({ image: undefined })],
  ])('accepts %s', (_, manifest) => {
    expect(errorOf(() => checkContainerImages(render(manifest)))).toBeUndefined();
  });
});

describe('malformedImages', () => {
  const workflow = (image: string) =>
    JSON.stringify({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      metadata: { name: 'r' },
      spec: { image, template: { spec: { containers: [{ image }] } } },
    });

  it('returns malformed references in custom resources with their location', () => {
    const object = 'app/templates/t.yaml: Rollout/r';
    const found = malformedImages(render(workflow('ghcr.io/acme/b:')));
    expect(found).toHaveLength(2);
    expect(found[0]).toContain(`${object} spec.image`);
    expect(found[1]).toContain(`${object} spec.template.spec.containers[0].image`);
    expect(errorOf(() => checkContainerImages(render(workflow('ghcr.io/acme/b:'))))).toBeUndefined();
  });

  it.each(['ghcr.io/acme/b:1', '{{inputs.image}}:1', '$(IMAGE):1', '', '*/*:*'])('accepts %j', (image) => {
    expect(malformedImages(render(workflow(image)))).toEqual([]);
  });

  it('leaves workloads to checkContainerImages', () => {
    expect(malformedImages(render(deployment({ image: 'b:' })))).toEqual([]);
  });
});
