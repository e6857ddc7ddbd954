import type { Emit } from '../base/events.ts';
import { settle } from '../base/pool.ts';
import { runStep } from '../base/step.ts';
import type { Sink } from '../oci/content.ts';
import { closureOf, type Graph, type Root } from '../oci/graph.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';
import type { Destination } from './destinations.ts';
import { throwIfAborted } from './wrap-error.ts';

/**
 * Finds roots that a repository of the sink has without everything below them: registries lose content with their disks, and
 * by garbage collection during a push. Each manifest and blob is asked for once in each repository. If that fails, the root
 * counts as incomplete: the copy asks again, and reports the error.
 * @throws AirgapError `interrupted`
 */
export async function incompleteRoots(
  graph: Graph,
  destinations: readonly Destination[],
  sink: Pick<Sink, 'hasBlob' | 'hasManifest'>,
  {
    concurrency,
    emit,
    signal,
  }: { readonly concurrency: number; readonly emit: Emit; readonly signal?: AbortSignal | undefined },
): Promise<ReadonlySet<Root>> {
  const asked = new Map<string, Promise<boolean>>();
  const once = (repository: Repository, digest: string, ask: () => Promise<boolean>): Promise<boolean> => {
    const key = `${formatRepository(repository)}@${digest}`;
    const answer = asked.get(key) ?? ask();
    asked.set(key, answer);
    return answer;
  };
  const isIncomplete = async ({ root, repository }: Destination): Promise<boolean> => {
    const { manifests, blobs } = closureOf(graph, root.descriptor.digest);
    const hasManifest = (digest: string): Promise<boolean> =>
      once(repository, digest, async () => (await sink.hasManifest(repository, digest)) !== undefined);
    // A root that is not there is missing, and sent in any case.
    if (!(await hasManifest(root.descriptor.digest))) return false;
    for (const digest of manifests) if (!(await hasManifest(digest))) return true;
    for (const digest of blobs) {
      const node = graph.blobs.get(digest);
      if (node === undefined) continue;
      throwIfAborted(signal);
      if (!(await once(repository, digest, () => sink.hasBlob(repository, node.descriptor)))) return true;
    }
    return false;
  };
  const outcomes = await runStep(
    emit,
    'checking the content of the target',
    (advance) => settle(destinations, concurrency, (destination) => isIncomplete(destination).finally(advance)),
    destinations.length,
  );
  throwIfAborted(signal);
  return new Set(
    destinations.flatMap(({ root }, index) => {
      const outcome = outcomes[index];
      return outcome !== undefined && 'value' in outcome && !outcome.value ? [] : [root];
    }),
  );
}
