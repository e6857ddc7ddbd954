import { AirgapError } from '../../base/errors.ts';
import type { PruneEntry, PruneOutcome } from '../../inventory/prune-list.ts';
import type { Digest } from '../../oci/digest.ts';
import { type Repository, tryParseRepository } from '../../oci/reference.ts';
import { Relations } from './content.ts';
import { deletionOrder } from './deletion-order.ts';
import { type JudgedEntry, judgeEntries } from './judge-entries.ts';
import { type RepositorySource, readRepository } from './read-repository.ts';
import { type Removal, type Remover, stopsRun } from './remover.ts';
import { type KeepRoots, stayingContent } from './staying.ts';

/** The run that deletes: when it has to stop, and what time it is. */
export interface DeletionRun {
  /** Error after which nothing more is tried in any repository. */
  stoppedBy?: AirgapError;
  /** Something has been deleted, so the login may do that. */
  hasDeleted?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly now: () => Date;
}

export interface RepositoryDeletion {
  readonly source: RepositorySource;
  readonly remover: Remover;
  /** What has to stay besides everything that is not listed. */
  readonly kept: KeepRoots;
  /** Manifests that have to stay and that no tag may reach. */
  readonly probes: Iterable<Digest>;
  readonly isDryRun: boolean;
}

/** Entries of a list with what became of them, and the errors of those that failed. */
export interface DeletedEntries {
  readonly outcomes: readonly PruneOutcome[];
  readonly errors: readonly AirgapError[];
}

/**
 * Deletes the listed entries of one repository, after it was read anew. Does not throw: what was done before an error is part
 * of the result.
 * @param entries all of the same repository
 */
export async function deleteInRepository(
  run: DeletionRun,
  name: string,
  entries: readonly PruneEntry[],
  { source, remover, kept, probes, isDryRun }: RepositoryDeletion,
): Promise<DeletedEntries> {
  const repository = tryParseRepository(name) as Repository;
  const results = new Results(run);
  if (stopReason(run) === undefined) {
    try {
      const digests = [...entries.map(({ digest }) => digest), ...probes];
      const relations = new Relations(await readRepository(source, repository, digests));
      const { judged } = judgeEntries(relations, entries, kept);
      for (const { entry, action, why } of judged) {
        if (action === 'gone' || action === 'left') results.set(entry, action, why);
        else if (isDryRun) results.set(entry, 'would-delete', undefined, action === 'tag');
      }
      if (!isDryRun) {
        await deleteManifests(results, relations, judged, { source, remover });
        await deleteTags(results, relations, judged, remover);
      }
    } catch (error) {
      if (!(error instanceof AirgapError)) throw error;
      run.stoppedBy ??= error;
    }
  }
  return results.of(entries);
}

async function deleteManifests(
  results: Results,
  relations: Relations,
  judged: readonly JudgedEntry[],
  { source, remover }: Pick<RepositoryDeletion, 'source' | 'remover'>,
): Promise<void> {
  const byDigest = Map.groupBy(
    judged.filter(({ action }) => action === 'manifest').map(({ entry }) => entry),
    ({ digest }) => digest,
  );
  const { tags, repository } = relations.content;
  const failed = new Map<Digest, string>();
  for (const group of deletionOrder(relations, byDigest.keys())) {
    if (results.stopReason() !== undefined) return;
    const staying = stayingContent(relations, { tags: new Map(), digests: failed, needed: new Map() });
    const possible = group.filter((digest) => {
      const why = staying.digests.get(digest);
      if (why !== undefined) for (const entry of byDigest.get(digest) ?? []) results.set(entry, 'left', why);
      return why === undefined;
    });
    if (possible.length === 0) continue;
    const added = await newTags(source, repository, tags);
    if (added.length > 0) {
      for (const entry of [...byDigest.values()].flat())
        results.setOpen(entry, 'left', `tags were added meanwhile: ${added.join(', ')}`);
      return;
    }
    const removals = await remover.manifests(possible, (digest) => relations.tagsOf(digest));
    for (const digest of possible) {
      const removal = removals.get(digest);
      for (const entry of byDigest.get(digest) ?? []) if (removal !== undefined) results.add(entry, removal);
      if (removal === undefined || removal instanceof AirgapError) failed.set(digest, `${digest} could not be deleted`);
    }
  }
}

/** Returns tags that the repository has now and did not have when it was read. ECR deletes by digest at once. */
async function newTags(
  { client, images }: RepositorySource,
  repository: Repository,
  tags: ReadonlyMap<string, Digest>,
): Promise<readonly string[]> {
  if (images !== undefined) return [];
  return [...(await client.allTags(repository))].filter((tag) => !tags.has(tag));
}

async function deleteTags(
  results: Results,
  relations: Relations,
  judged: readonly JudgedEntry[],
  remover: Remover,
): Promise<void> {
  const leaving = new Set(judged.flatMap(({ entry, action }) => (action === 'left' ? [] : (entry.tag ?? []))));
  for (const { entry, action } of judged) {
    const { tag } = entry;
    if (action !== 'tag' || tag === undefined || results.stopReason() !== undefined) continue;
    const digest = entry.digest;
    const others = relations.tagsOf(digest).filter((other) => !leaving.has(other));
    results.add(entry, await remover.tag(tag, digest, others), true);
  }
}

function isDenied({ code }: AirgapError): boolean {
  return code === 'unauthorized' || code === 'forbidden';
}

function stopReason({ stoppedBy, signal }: DeletionRun): AirgapError | undefined {
  return (
    stoppedBy ?? (signal?.aborted ? new AirgapError('interrupted', 'interrupted', { cause: signal.reason }) : undefined)
  );
}

/** Outcomes of entries. */
class Results {
  readonly #run: DeletionRun;
  readonly #outcomes = new Map<PruneEntry, PruneOutcome>();
  readonly #errors: AirgapError[] = [];
  /** Error after which nothing more is tried in this repository. */
  stoppedBy?: AirgapError;

  constructor(run: DeletionRun) {
    this.#run = run;
  }

  /** Sets the status of an entry. */
  set(entry: PruneEntry, status: PruneOutcome['status'], why?: string, onlyTag = false): void {
    const { repository, tag, digest, size, reason } = entry;
    this.#outcomes.set(entry, {
      repository,
      ...(tag !== undefined && { tag }),
      digest,
      size,
      reason,
      status,
      ...(onlyTag && { onlyTag: true as const }),
      at: this.#run.now().toISOString(),
      ...(why !== undefined && { why }),
    });
  }

  /** Sets the status of an entry that has none yet. */
  setOpen(entry: PruneEntry, status: PruneOutcome['status'], why: string): void {
    if (!this.#outcomes.has(entry)) this.set(entry, status, why);
  }

  /** Adds what became of an entry. A refusal that others would get too stops the run, or what is done in this repository. */
  add(entry: PruneEntry, removal: Removal, onlyTag = false): void {
    if (!(removal instanceof AirgapError)) {
      if (removal === 'deleted') this.#run.hasDeleted = true;
      this.set(entry, removal, undefined, onlyTag);
    } else if (removal.code === 'tag-conflict') this.set(entry, 'left', removal.message);
    else {
      this.set(entry, 'failed', removal.message, onlyTag);
      this.#errors.push(removal);
      // A registry that does not delete tags may delete manifests.
      if (!stopsRun(removal) || (onlyTag && removal.code === 'unsupported')) return;
      // A login may have the permission for some repositories only.
      if (isDenied(removal) && this.#run.hasDeleted) this.stoppedBy ??= removal;
      else this.#run.stoppedBy ??= removal;
    }
  }

  /** Returns why nothing more is tried; undefined while all is well. */
  stopReason(): AirgapError | undefined {
    return this.stoppedBy ?? stopReason(this.#run);
  }

  of(entries: readonly PruneEntry[]): DeletedEntries {
    const reason = this.stopReason();
    for (const entry of entries)
      this.setOpen(entry, 'left', `not tried: ${reason?.message ?? 'an earlier one failed'}`);
    return { outcomes: entries.map((entry) => this.#outcomes.get(entry) as PruneOutcome), errors: this.#errors };
  }
}
