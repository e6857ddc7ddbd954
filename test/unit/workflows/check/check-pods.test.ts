import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import type { AllowedImages, OnPurpose } from '../../../../src/search/reference-decisions.ts';
import { checkPods, type PodCheck } from '../../../../src/workflows/check/check-pods.ts';
import { graphOf, registry, write } from '../../../support/bundles.ts';
import { fakeKubectl } from '../../../support/kubectl.ts';
import {
  CLUSTER,
  CLUSTER_TARGET,
  podList,
  podObject,
  running,
  type TestContainer,
  waiting,
} from '../../../support/pods.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const cwd = scratchFolder();

function check(
  pods: readonly object[],
  {
    allowed = [],
    onPurpose = { allowed },
    bundle,
  }: { readonly allowed?: readonly AllowedImages[]; readonly onPurpose?: OnPurpose; readonly bundle?: string } = {},
): Promise<PodCheck> {
  return checkPods(
    { env: {}, cwd, emit: ignoreEvents },
    {
      source: { file: '-' },
      readInput: async () => Buffer.from(podList(pods)),
      target: parseTarget(CLUSTER_TARGET, 'host-path'),
      onPurpose,
      ...(bundle !== undefined && { bundle }),
    },
  );
}

const at = (path: string): string => `${CLUSTER_TARGET}/${path}`;
const pod = (container: TestContainer, namespace = 'apps'): object =>
  podObject('a', { namespace, containers: { main: container } });
const short = ({ problems }: PodCheck) =>
  problems.map(({ reason, image, cause, places }) => [
    reason,
    image.replace(`${CLUSTER_TARGET}/`, ''),
    cause,
    places.map(({ pod, container }) => `${pod} ${container}`).join(', '),
  ]);

describe('a check of Pods', () => {
  it('names what cannot be pulled, what is not of the target, and what is not pulled yet, each cause once', async () => {
    const found = await check(CLUSTER);
    const unauthorized = 'pulling from host registry.example:5000 failed with status code: 401 Unauthorized';
    expect(short(found)).toEqual([
      ['cannot-pull', 'quay.io/acme/missing:v9', 'not found', 'broken-k76pr main, broken-qnvfn main'],
      ['cannot-pull', 'quay.io/acme/never:1', unauthorized, 'never a'],
      ['cannot-pull', 'quay.io/acme/nosecret:1', unauthorized, 'nosecret a'],
      ['not-target', 'docker.io/library/nginx:1.27', '', 'public first'],
      ['not-target', 'docker.io/library/nginx:latest', '', 'public a'],
      ['not-target', 'Nginx:Latest', '', 'public invalid'],
      ['not-target', 'registry.k8s.io/kube-apiserver:v1.34.4', '', 'kube-apiserver-node-1 kube-apiserver'],
      ['not-pulled-yet', 'quay.io/acme/agent:2', 'Unschedulable', 'unschedulable a'],
    ]);
    expect(found).toMatchObject({
      ok: false,
      target: CLUSTER_TARGET,
      counts: { pods: CLUSTER.length, podsWithProblems: CLUSTER.length - 1 },
    });
    expect(found).not.toHaveProperty('notInBundle');
    expect(found.problems[0]?.places[1]).toMatchObject({
      namespace: 'apps',
      owner: { kind: 'ReplicaSet', name: 'broken-79b69bc977' },
      node: 'node-1',
      imagePullSecrets: ['regcred'],
      why: 'ImagePullBackOff',
      message: expect.stringContaining('Back-off'),
    });
  });

  it('is good if every image is of the target and pulled', async () => {
    expect(await check(CLUSTER.slice(0, 1))).toMatchObject({ ok: true, problems: [], allowed: [] });
  });

  it('asks the cluster', async () => {
    const { env } = fakeKubectl({ stdout: podList(CLUSTER.slice(0, 1)) });
    const options = { readInput: async () => Buffer.alloc(0), target: parseTarget(CLUSTER_TARGET, 'host-path') };
    const found = checkPods({ env, cwd, emit: ignoreEvents }, { ...options, source: { cluster: {} }, onPurpose: {} });
    expect(await found).toMatchObject({ ok: true });
  });

  it('does not take a name that begins like the target for one of it', async () => {
    const found = await check([
      pod({ image: `${CLUSTER_TARGET}-other/a:1`, state: running }),
      pod({ image: 'registry.example/mirrored/a:1', state: running }),
    ]);
    expect(short(found).map(([reason]) => reason)).toEqual(['not-target', 'not-target']);
  });
});

describe('the list of allowed images', () => {
  const nginx = { image: 'docker.io/library/nginx:*', reason: 'is replaced next week' };
  it('accepts images by normalized name and namespace, with the reason', async () => {
    const system = { image: '*', namespace: 'kube-*', reason: 'part of the cluster' };
    const found = await check(CLUSTER, { allowed: [nginx, system] });
    expect(short(found).filter(([reason]) => reason === 'not-target')).toEqual([
      ['not-target', 'Nginx:Latest', '', 'public invalid'],
    ]);
    expect(found.allowed).toMatchObject([
      { ...nginx, images: ['docker.io/library/nginx:1.27', 'docker.io/library/nginx:latest'] },
      { ...system, images: ['registry.k8s.io/kube-apiserver:v1.34.4'] },
    ]);
    expect(found.unusedAllowed).toEqual([]);
    expect(found.ok).toBe(false);
  });

  it('makes a check good, whatever the problem of the image is', async () => {
    const image = at('quay.io/a:1');
    const found = await check([pod({ image, state: waiting('ErrImagePull', 'x') })], {
      allowed: [{ image, reason: 'is pulled by hand' }],
    });
    expect(found).toMatchObject({ ok: true, allowed: [{ images: [image] }] });
  });

  it('is joined by exclusions', async () => {
    const onPurpose = { exclude: [{ pattern: 'nginx', reason: 'soon' }], include: [{ pattern: 'nginx:latest' }] };
    const found = await check(CLUSTER, { onPurpose });
    expect(found.allowed).toMatchObject([
      { state: 'public-on-purpose', image: 'nginx', reason: 'soon', images: ['docker.io/library/nginx:1.27'] },
    ]);
  });

  it('says which entries allow nothing', async () => {
    const other = { ...nginx, namespace: 'other' };
    const target = { image: at('*'), reason: 'is good anyway' };
    const found = await check(CLUSTER.slice(0, 1), { allowed: [other, target] });
    expect(found).toMatchObject({ ok: true, allowed: [], unusedAllowed: [other, target] });
  });
});

describe('with a bundle', () => {
  const bundle = join(cwd, 'bundle.tar');
  let digests: Readonly<Record<'index' | 'child' | 'config' | 'single', Digest>>;
  beforeAll(async () => {
    const source = registry();
    await write(bundle, source);
    const graph = await graphOf(source);
    const rootOf = (path: string) => {
      const root = graph.roots.find(({ reference }) => reference.path === path);
      if (root === undefined) throw new Error(`no ${path}`);
      return root.descriptor.digest;
    };
    const index = rootOf('multi');
    const child = graph.manifests.get(index)?.children[1]?.digest as Digest;
    const config = graph.manifests.get(child)?.blobs[0]?.digest as Digest;
    digests = { index, child, config, single: rootOf('a') };
  });
  const multi = at('quay.io/multi:3');
  const other = `sha256:${'c'.repeat(64)}`;
  const checkOne = (image: string, imageID: string): Promise<PodCheck> =>
    check([pod({ image, imageID, state: running })], { bundle });

  it('accepts the digest of the index, of a platform, and of its config, of whatever repository', async () => {
    for (const digest of [digests.index, digests.child, digests.config]) {
      expect(await checkOne(multi, `elsewhere.example/x@${digest}`)).toMatchObject({ ok: true, notInBundle: [] });
    }
    expect(await checkOne(`${multi}@${digests.index}`, digests.index)).toMatchObject({ ok: true, notInBundle: [] });
    expect(await checkOne(multi, '')).toMatchObject({ ok: true });
  });

  it.each(['other', 'single'] as const)('names a tag that runs other content: %s', async (name) => {
    const digest = name === 'other' ? other : digests.single;
    const found = await checkOne(multi, `${at('quay.io/multi')}@${digest}`);
    expect(found).toMatchObject({
      ok: false,
      problems: [{ reason: 'other-digest', image: multi, cause: digest, expected: digests.index }],
    });
  });

  it('lists images under the target that it does not have, which may be of another bundle', async () => {
    for (const image of [at('quay.io/other:1'), at('quay.io/multi:4'), `${at('quay.io/multi')}@${other}`]) {
      expect(await checkOne(image, other)).toMatchObject({ ok: true, notInBundle: [{ image }] });
    }
  });
});
