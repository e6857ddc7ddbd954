import type { Cluster } from '../cluster.ts';

/** What the kubelet says of the images of all Pods so far, those included that have gone since. Each image once, sorted. */
export interface Pulls {
  readonly pulled: readonly string[];
  /** Images that it could not pull. */
  readonly failed: readonly string[];
  /** Images that it did not ask a registry for: these prove nothing. */
  readonly present: readonly string[];
}

const KINDS: Readonly<Record<keyof Pulls, RegExp>> = {
  pulled: /^Successfully pulled image "([^"]+)"/,
  failed: /^(?:Failed to pull image|Back-off pulling image|Failed to apply default image tag) "([^"]+)"/,
  present: /^Container image "([^"]+)" already present/,
};

/** Reads the events of namespaces. Hooks delete their Pods, so that a list of Pods does not have them. */
export async function pullsOf(cluster: Cluster, namespaces: readonly string[]): Promise<Pulls> {
  const jsonpath = ['-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}'];
  const answers = await Promise.all(
    namespaces.map((namespace) => cluster.kubectl(['get', 'events', '-n', namespace, ...jsonpath])),
  );
  const lines = answers.join('').split('\n');
  const imagesOf = (kind: RegExp): string[] => [...new Set(lines.flatMap((line) => kind.exec(line)?.[1] ?? []))].sort();
  return { pulled: imagesOf(KINDS.pulled), failed: imagesOf(KINDS.failed), present: imagesOf(KINDS.present) };
}
