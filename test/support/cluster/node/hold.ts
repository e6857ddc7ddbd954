import type { Cluster } from '../cluster.ts';

/** Creates a namespace in which Pods are made and never start, see policy.yaml. */
export async function createHeldNamespace(cluster: Cluster, namespace: string): Promise<void> {
  const metadata = { name: namespace, labels: { 'airgap.test/hold': 'true' } };
  await cluster.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }));
  await cluster.kubectl(['-n', namespace, 'wait', '--for=create', 'serviceaccount/default', '--timeout=60s']);
}

/** Images that the Pods of a namespace name, sorted and without duplicates. */
export async function imagesOf(cluster: Cluster, namespace: string): Promise<string[]> {
  const { items } = JSON.parse(await cluster.kubectl(['-n', namespace, 'get', 'pods', '-o', 'json'])) as {
    items: { spec: { initContainers?: { image: string }[]; containers: { image: string }[] } }[];
  };
  const containers = items.flatMap(({ spec }) => [...(spec.initContainers ?? []), ...spec.containers]);
  return [...new Set(containers.map(({ image }) => image))].sort();
}
