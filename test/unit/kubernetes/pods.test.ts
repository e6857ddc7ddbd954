import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { yamlText } from '../../../src/base/yaml-text.ts';
import { type Pod, type PodSource, parsePods, readPods } from '../../../src/kubernetes/pods.ts';
import { fakeKubectl } from '../../support/kubectl.ts';
import { CLUSTER, podList, podObject, RUNNING, running, terminated } from '../../support/pods.ts';
import { scratchFolder } from '../../support/scratch.ts';

const AGENT = 'registry.example:5000/mirrored/quay.io/acme/agent:2';
const parse = (...pods: object[]): readonly Pod[] => parsePods(podList(pods), 'pods.json');

describe('a Pod list', () => {
  it('has Pods with owner, node, pull secrets and the images of all containers', () => {
    const running = `registry.example:5000/mirrored/docker.io/library/same@${RUNNING}`;
    const agent = { image: AGENT, state: 'pulled', digest: RUNNING, running };
    const pods = parse(...CLUSTER);
    expect(pods).toHaveLength(CLUSTER.length);
    expect(pods[0]).toEqual({
      namespace: 'apps',
      name: 'web-2mdtx',
      owner: { kind: 'ReplicaSet', name: 'web-75f9bd9dd4' },
      node: 'node-1',
      imagePullSecrets: ['regcred'],
      images: [
        { container: 'setup', kind: 'initContainers', path: 'spec.initContainers[0].image', ...agent },
        { container: 'sidecar', kind: 'initContainers', path: 'spec.initContainers[1].image', ...agent },
        { container: 'web', kind: 'containers', path: 'spec.containers[0].image', ...agent },
      ],
    });
    expect(pods.at(-1)).toMatchObject({ owner: { kind: 'Node' }, images: [{ digest: `sha256:${'b'.repeat(64)}` }] });
    expect(pods.at(-2)).not.toHaveProperty('node');
  });

  it.each<[string, string]>([
    ['JSON', podList(CLUSTER)],
    ['YAML', yamlText(JSON.parse(podList(CLUSTER)))],
    ['documents of YAML', CLUSTER.map((pod) => yamlText(pod)).join('---\n')],
    [
      'the answer of the API',
      JSON.stringify({ kind: 'PodList', items: CLUSTER.map((pod) => ({ ...pod, kind: undefined })) }),
    ],
    ['with other objects', podList([{ kind: 'Deployment', metadata: { name: 'x' } }, ...CLUSTER])],
    ['with a byte order mark', `\ufeff${podList(CLUSTER)}`],
  ])('can be %s', (_, text) => {
    expect(parsePods(text, 'FILE')).toEqual(parse(...CLUSTER));
  });

  it('may have names that are longer than a label of DNS', () => {
    const name = `release-with-a-long-name-${'x'.repeat(80)}-7b9f6c5d4-abcde`;
    expect(parse(podObject(name, { containers: { a: { image: 'a', state: running } } }))[0]?.name).toBe(name);
  });

  it('can be a single Pod', () => {
    expect(parsePods(JSON.stringify(CLUSTER[0]), 'FILE')).toEqual(parse(...CLUSTER.slice(0, 1)));
  });

  it('reads lists that Go writes as null, and image volumes', () => {
    const pod = podObject('a', {
      spec: {
        containers: [{ name: 'a', image: AGENT }],
        initContainers: null,
        imagePullSecrets: [{}],
        volumes: [
          { name: 'secret', secret: { secretName: 'x' } },
          { name: 'files', image: { reference: 'registry.example/files:1', pullPolicy: 'Always' } },
        ],
      },
      status: { containerStatuses: [{ name: 'a', imageID: '', state: running }], initContainerStatuses: null },
    });
    expect(parse(pod)[0]).toMatchObject({
      imagePullSecrets: [],
      images: [
        { container: 'a', state: 'pulled' },
        {
          container: 'files',
          kind: 'volumes',
          path: 'spec.volumes[1].image.reference',
          image: 'registry.example/files:1',
          state: 'pulled',
        },
      ],
    });
  });

  it.each<[string, string | undefined, string | undefined]>([
    [`docker-pullable://r.example/a@${RUNNING}`, RUNNING, `r.example/a@${RUNNING}`],
    [`docker://${RUNNING}`, RUNNING, undefined],
    [`r.example/a@${RUNNING}`, RUNNING, `r.example/a@${RUNNING}`],
    [`a@${RUNNING}`, RUNNING, `docker.io/library/a@${RUNNING}`],
    [`\u001b[2J@${RUNNING}`, RUNNING, undefined],
    [RUNNING, RUNNING, undefined],
    ['', undefined, undefined],
    ['c'.repeat(64), undefined, undefined],
    ['r.example/a@sha256:abc', undefined, undefined],
    ['r.example/a:1', undefined, undefined],
    ['\u001b[2J', undefined, undefined],
  ])('reads the digest of %j, and whether it is one of a repository', (imageID, digest, running) => {
    const [pod] = parse(podObject('a', { containers: { a: { image: 'x', imageID, state: terminated('Error', 1) } } }));
    expect(pod?.images[0]?.digest).toBe(digest);
    expect(pod?.images[0]?.running).toBe(running);
  });
});

describe('a file that is no Pod list', () => {
  const change = (changes: object): string => podList([{ ...CLUSTER[0], ...changes }]);
  it('refuses a part of a list: what it lacks would count as not running', () => {
    const pod = { kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [] } };
    const list = (metadata: object): string => JSON.stringify({ kind: 'PodList', metadata, items: [pod] });
    expect(parsePods(list({ resourceVersion: '1', continue: '' }), 'pods.json')).toHaveLength(1);
    expect(() => parsePods(list({ continue: 'abc' }), 'pods.json')).toThrow(
      expect.objectContaining({ code: 'config' }),
    );
  });

  it.each<[string, string]>([
    ['empty', ''],
    ['a table', 'NAMESPACE   NAME   READY   STATUS\napps        web    1/1     Running\n'],
    ['another kind', JSON.stringify({ kind: 'Deployment', metadata: { name: 'x' } })],
    ['a list of other kinds', podList([{ kind: 'Service' }, { kind: 'Secret' }])],
    ['a list without items', podList([])],
    ['a list of texts', '["Pod"]'],
    ['items that are no list', '{"kind": "List", "items": {"kind": "Pod"}}'],
    ['cut off', podList(CLUSTER).slice(0, 2000)],
    ['very deep JSON', `{"kind":"List","items":${'['.repeat(1_000_000)}`],
    ['very deep YAML', `kind: List\nitems: ${'['.repeat(100_000)}`],
    ['aliases without end', `a: &a [x]\nb: &b [*a,*a]\n${Array.from({ length: 2000 }, () => '- *b').join('\n')}`],
    ['a Pod without a name', change({ metadata: {} })],
    ['a name with escapes', change({ metadata: { name: 'a\u001b[2J\u202e' } })],
    ['a name like a flag', change({ metadata: { name: '--all' } })],
    ['a namespace that is a number', change({ metadata: { name: 'a', namespace: 7 } })],
    ['containers that are a mapping', change({ spec: { containers: { name: 'a' } } })],
    ['an image that is a list', change({ spec: { containers: [{ name: 'a', image: ['x'] }] } })],
    ['an image without end', change({ spec: { containers: [{ name: 'a', image: 'x'.repeat(5000) }] } })],
    ['a state that is a text', change({ status: { containerStatuses: [{ name: 'a', state: 'running' }] } })],
  ])('is refused with the command that makes one if it is %s', (_, text) => {
    expect(() => parsePods(text, 'pods.json')).toThrow(
      expect.objectContaining({
        code: 'config',
        exitCode: 2,
        message: expect.stringMatching(/^--pods: pods\.json [ -~]{3,300}$/),
        hint: expect.stringContaining('kubectl get pods -A -o json'),
      }),
    );
  });
});

describe('readPods', () => {
  const cwd = scratchFolder();
  const read = (source: PodSource, env: Record<string, string | undefined> = {}, input = ''): Promise<readonly Pod[]> =>
    readPods({ env, cwd, readInput: async () => Buffer.from(input) }, source);

  it('reads a file, standard input, or the cluster', async () => {
    const text = podList(CLUSTER);
    writeFileSync(join(cwd, 'pods.json'), text);
    const { env, calls } = fakeKubectl({ stdout: text });
    const expected = parse(...CLUSTER);
    expect(await read({ file: 'pods.json' })).toEqual(expected);
    expect(await read({ file: '-' }, {}, text)).toEqual(expected);
    expect(await read({ cluster: { context: 'prod' } }, env)).toEqual(expected);
    const words = ['--context=prod', '--request-timeout=15s', 'get', 'pods', '--all-namespaces', '--output=json'];
    expect(calls()).toEqual([words]);
  });

  it('reads no pipe, whose other end nobody may open', async () => {
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    await expect(read({ file: 'pipe' })).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('standard input'),
    });
  });

  it('doubts the context if a cluster has no Pod', async () => {
    const { env } = fakeKubectl({ stdout: podList([]) });
    await expect(read({ cluster: {} }, env)).rejects.toMatchObject({
      code: 'cluster',
      hint: expect.stringContaining('--context'),
    });
  });

  it('says how to make a file that does not exist, and what else helps if the cluster refuses', async () => {
    await expect(read({ file: 'none.json' })).rejects.toMatchObject({
      code: 'file',
      message: expect.stringContaining('none.json'),
      hint: expect.stringContaining('kubectl get pods -A -o json > none.json'),
    });
    const { env } = fakeKubectl({ code: 1, stderr: 'Error from server (Forbidden): pods is forbidden\n' });
    await expect(read({ cluster: {} }, env)).rejects.toMatchObject({
      code: 'cluster',
      hint: expect.stringContaining('--pods'),
    });
  });
});
