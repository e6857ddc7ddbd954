/**
 * Pods in the shape that the API server of Kubernetes 1.34 returns with containerd 1.6, shortened. Fields that nothing reads
 * are kept where they could be mistaken for others.
 */

const TARGET = 'registry.example:5000/mirrored';
const pull = (image: string, why: string): string =>
  `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${why}`;

/** Digest of what runs under `${TARGET}/quay.io/acme/agent:2`. */
export const RUNNING = `sha256:${'a'.repeat(64)}`;

type State = Readonly<Record<string, object>>;
export const running: State = { running: { startedAt: '2026-11-23T02:50:45Z' } };
export const waiting = (reason: string, message?: string): State => ({
  waiting: { reason, ...(message !== undefined && { message }) },
});
export const terminated = (reason: string, exitCode: number): State => ({
  terminated: { exitCode, reason, startedAt: '1970-01-01T00:00:00Z', finishedAt: '2026-11-23T02:50:43Z' },
});

/** A container of a Pod: image as written, state, and what the runtime reports. */
export interface TestContainer {
  readonly image: string;
  readonly state?: State;
  readonly lastState?: State;
  readonly imageID?: string;
}

export interface TestPod {
  readonly namespace?: string;
  readonly containers?: Readonly<Record<string, TestContainer>>;
  readonly initContainers?: Readonly<Record<string, TestContainer>>;
  readonly ephemeralContainers?: Readonly<Record<string, TestContainer>>;
  /** Fields of metadata, spec and status in addition. */
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

const KINDS = ['initContainers', 'containers', 'ephemeralContainers'] as const;
const STATUSES = {
  initContainers: 'initContainerStatuses',
  containers: 'containerStatuses',
  ephemeralContainers: 'ephemeralContainerStatuses',
} as const;

/** Returns the object of a Pod. */
export function podObject(name: string, { namespace = 'apps', metadata, spec, status, ...lists }: TestPod): object {
  const present = KINDS.filter((kind) => lists[kind] !== undefined);
  const specified = present.map((kind) => [
    kind,
    Object.entries(lists[kind] ?? {}).map(([name, { image }]) => ({ name, image, imagePullPolicy: 'Always' })),
  ]);
  const statuses = present.map((kind) => [
    STATUSES[kind],
    Object.entries(lists[kind] ?? {}).flatMap(([name, { image, state, lastState = {}, imageID = '' }]) =>
      state === undefined ? [] : [{ name, image, imageID, state, lastState, ready: false, restartCount: 0 }],
    ),
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name }, ...metadata },
    spec: { nodeName: 'node-1', serviceAccountName: 'default', ...Object.fromEntries(specified), ...spec },
    status: { phase: 'Pending', hostIP: '192.0.2.10', ...Object.fromEntries(statuses), ...status },
  };
}

/** Returns the output of `kubectl get pods -A -o json`. */
export function podList(pods: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: pods }, null, 4);
}

const agent = { image: `${TARGET}/quay.io/acme/agent:2`, imageID: `${TARGET}/docker.io/library/same@${RUNNING}` };
const missing = `${TARGET}/quay.io/acme/missing:v9`;
const refused = `pulling from host registry.example:5000 failed with status code [manifests 1]: 401 Unauthorized`;
const replicas = (name: string): object => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, controller: true, uid: '6b478cab' }],
});
const secrets = { imagePullSecrets: [{ name: 'regcred' }] };

/** Pods of a cluster in which much is wrong, as a real cluster reported them. */
export const CLUSTER: readonly object[] = [
  podObject('web-2mdtx', {
    metadata: replicas('web-75f9bd9dd4'),
    spec: secrets,
    status: { phase: 'Running' },
    initContainers: {
      setup: { ...agent, state: terminated('Completed', 0) },
      sidecar: { ...agent, state: running },
    },
    containers: { web: { ...agent, state: running } },
  }),
  // The same cause in its two forms.
  podObject('broken-k76pr', {
    metadata: replicas('broken-79b69bc977'),
    spec: secrets,
    initContainers: { first: { ...agent, state: terminated('Completed', 0) } },
    containers: {
      main: {
        image: missing,
        state: waiting('ErrImagePull', `rpc error: code = NotFound desc = ${pull(missing, `${missing}: not found`)}`),
      },
      noprogram: {
        image: `${TARGET}/quay.io/acme/tool:v1`,
        state: waiting('CreateContainerError', 'failed to generate spec: no command specified'),
      },
    },
  }),
  podObject('broken-qnvfn', {
    metadata: replicas('broken-79b69bc977'),
    spec: secrets,
    initContainers: { first: { ...agent, state: terminated('Completed', 0) } },
    containers: {
      main: {
        image: missing,
        state: waiting(
          'ImagePullBackOff',
          `Back-off pulling image "${missing}": ErrImagePull: rpc error: code = NotFound desc = ${pull(missing, `${missing}: not found`)}`,
        ),
      },
    },
  }),
  podObject('public', {
    initContainers: {
      first: {
        image: 'nginx:1.27',
        state: waiting(
          'ImagePullBackOff',
          `Back-off pulling image "nginx:1.27": ErrImagePull: ${pull('docker.io/library/nginx:1.27', 'failed to do request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/1.27": dial tcp: lookup registry-1.docker.io: no such host')}`,
        ),
      },
    },
    containers: {
      a: { image: 'nginx', state: waiting('PodInitializing') },
      invalid: { image: 'Nginx:Latest', state: waiting('PodInitializing') },
    },
  }),
  ...['never', 'nosecret'].map((name) => {
    const image = `${TARGET}/quay.io/acme/${name}:1`;
    return podObject(name, { containers: { a: { image, state: waiting('ErrImagePull', pull(image, refused)) } } });
  }),
  podObject('unschedulable', {
    spec: { nodeName: undefined },
    status: {
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
        },
      ],
    },
    containers: { a: { image: agent.image } },
  }),
  // A static Pod, mirrored by the kubelet.
  podObject('kube-apiserver-node-1', {
    namespace: 'kube-system',
    metadata: {
      annotations: { 'kubernetes.io/config.mirror': 'x' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', controller: true, uid: 'x' }],
    },
    status: { phase: 'Running' },
    containers: {
      'kube-apiserver': {
        image: 'registry.k8s.io/kube-apiserver:v1.34.4',
        imageID: `sha256:${'b'.repeat(64)}`,
        state: running,
      },
    },
  }),
];

/** The target of which {@link CLUSTER} has images. */
export const CLUSTER_TARGET = TARGET;
