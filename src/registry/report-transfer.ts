import type { Emit, Transfer } from '../base/events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/** Item that is sent, and its target repository. */
export interface TransferItem {
  readonly item: Transfer['item'];
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly tag?: string | undefined;
}

/**
 * Runs a transfer and emits its outcome and duration. `work` returns the outcome; undefined (manifests) means stored.
 */
export async function reportTransfer<R extends 'stored' | 'mounted' | 'present' | undefined>(
  emit: Emit,
  { item, repository, descriptor, tag }: TransferItem,
  work: () => Promise<R>,
): Promise<R> {
  const startedAt = performance.now();
  const { digest, size: bytes } = descriptor;
  const report = (status: Transfer['status']): void =>
    emit({
      type: 'transfer',
      item,
      digest,
      bytes,
      repository: formatRepository(repository),
      ...(tag === undefined ? {} : { tag }),
      status,
      seconds: Math.round(performance.now() - startedAt) / 1000,
    });
  try {
    const outcome = await work();
    if (outcome !== 'present') report(outcome ?? 'stored');
    return outcome;
  } catch (error) {
    report('failed');
    throw error;
  }
}
