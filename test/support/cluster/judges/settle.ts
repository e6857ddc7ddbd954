import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster.ts';

/** What became of the image of one container. */
export interface ContainerOutcome {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  readonly container: string;
  /** As the Pod names it. */
  readonly image: string;
  /**
   * `pulled`: the kubelet says so in an event. `cannot-pull`: its status says so. `waiting`: neither within the time.
   * `started`: it has run, and no event says that its image was pulled.
   */
  readonly state: 'pulled' | 'started' | 'cannot-pull' | 'waiting';
  /** Of the kubelet: `ErrImagePull`, `ImagePullBackOff`, …, or why it waits. */
  readonly reason: string;
  readonly message: string;
}

/** What became of all containers of some namespaces. */
export interface Settled {
  readonly containers: readonly ContainerOutcome[];
  /** Images that no Pod may name: those not at the target. */
  readonly publicImages: readonly string[];
}

interface Status {
  readonly name: string;
  readonly state?: {
    readonly running?: object;
    readonly terminated?: object;
    readonly waiting?: { readonly reason?: string; readonly message?: string };
  };
  readonly lastState?: { readonly terminated?: object };
}

/** The part of a Pod that is read. */
export interface Pod {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: Readonly<Record<string, readonly { readonly name: string; readonly image: string }[]>>;
  readonly status: Readonly<Record<string, readonly Status[]>>;
}

/** The part of an event that is read. */
export interface Event {
  readonly reason?: string;
  readonly message?: string;
  readonly metadata: { readonly namespace: string };
  readonly involvedObject: { readonly name?: string; readonly namespace?: string; readonly fieldPath?: string };
}

const CANNOT_PULL = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'RegistryUnavailable']);
/** Unchanged answers, half a second apart, after which nothing more is expected. */
const QUIET = 4;

/**
 * Waits until every container of some namespaces has been started once, had its image pulled, or cannot have it. Secrets
 * and ConfigMaps that a stand-in of a hook did not make are made, empty.
 * @param prefix of the target's images
 */
export async function settle(
  cluster: Cluster,
  {
    namespaces,
    prefixes,
    seconds = 90,
  }: { readonly namespaces: readonly string[]; readonly prefixes?: readonly string[]; readonly seconds?: number },
): Promise<Settled> {
  const targets = prefixes ?? [cluster.registry, cluster.nodeRegistry].map((host) => `${host}/`);
  const made = new Set<string>();
  let containers: readonly ContainerOutcome[] = [];
  let before = '';
  for (let quiet = 0, until = Date.now() + seconds * 1000; quiet < QUIET && Date.now() < until; await sleep(500)) {
    const { pods, events } = await listPodsAndEvents(cluster, namespaces);
    containers = pods.filter(({ metadata }) => !metadata.deletionTimestamp).flatMap((pod) => outcomesOf(pod, events));
    const now = JSON.stringify(containers.map(({ pod, container, state }) => [pod, container, state]));
    // Behind an init container that cannot be pulled, the others wait for ever.
    const stuck = new Set(containers.flatMap(({ pod, state }) => (state === 'cannot-pull' ? pod : [])));
    const isDecided =
      containers.length > 0 && containers.every(({ pod, state }) => state !== 'waiting' || stuck.has(pod));
    quiet = isDecided && now === before ? quiet + 1 : 0;
    before = now;
    if (!isDecided) await makeMounts(cluster, events, made);
  }
  const images = [...new Set(containers.map(({ image }) => image))];
  return { containers, publicImages: images.filter((image) => !targets.some((target) => image.startsWith(target))) };
}

/** Judges each container of a Pod by its status and the kubelet's events. */
export function outcomesOf(pod: Pod, events: readonly Event[]): ContainerOutcome[] {
  const { namespace, name } = pod.metadata;
  const ofPod = events.filter(({ metadata, involvedObject }) => {
    return metadata.namespace === namespace && involvedObject.name === name;
  });
  return ['initContainers', 'containers'].flatMap((kind) => {
    const statuses = pod.status[kind === 'containers' ? 'containerStatuses' : 'initContainerStatuses'] ?? [];
    return (pod.spec[kind] ?? []).map(({ name: container, image }) => {
      const status = statuses.find((candidate) => candidate.name === container);
      const { reason = 'no status', message = '' } = status?.state?.waiting ?? {};
      const wasPulled = ofPod.some(
        (event) =>
          event.reason === 'Pulled' &&
          event.involvedObject.fieldPath === `spec.${kind}{${container}}` &&
          event.message?.startsWith('Successfully pulled image'),
      );
      const hasRun = status?.state?.running ?? status?.state?.terminated ?? status?.lastState?.terminated;
      const result = { pod: `${namespace}/${name}`, container, image, reason, message };
      if (wasPulled) return { ...result, state: 'pulled' };
      if (hasRun !== undefined) return { ...result, state: 'started' };
      return { ...result, state: CANNOT_PULL.has(reason) ? 'cannot-pull' : 'waiting' };
    });
  });
}

/** Asks for both at once: starting kubectl takes longer than its answer. */
async function listPodsAndEvents(
  cluster: Cluster,
  namespaces: readonly string[],
): Promise<{ pods: readonly Pod[]; events: readonly Event[] }> {
  const answers = await Promise.all(
    namespaces.map((namespace) => cluster.kubectl(['get', 'pods,events', '-n', namespace, '-o', 'json'])),
  );
  const items = answers.flatMap((answer) => (JSON.parse(answer) as { items: (Pod | Event)[] }).items);
  return {
    pods: items.filter((item): item is Pod => 'spec' in item),
    events: items.filter((item): item is Event => 'involvedObject' in item),
  };
}

/** Makes the Secrets and ConfigMaps that Pods wait for to mount. */
async function makeMounts(cluster: Cluster, events: readonly Event[], made: Set<string>): Promise<void> {
  for (const { reason, message = '', metadata } of events) {
    if (reason !== 'FailedMount') continue;
    for (const [, kind, name] of message.matchAll(/(secret|configmap) "([^"]+)" not found/g)) {
      const key = `${metadata.namespace} ${kind} ${name}`;
      if (made.has(key)) continue;
      made.add(key);
      const what = kind === 'secret' ? ['secret', 'generic'] : ['configmap'];
      await cluster.run(['kubectl', '-n', metadata.namespace, 'create', ...what, String(name)]);
    }
  }
}
