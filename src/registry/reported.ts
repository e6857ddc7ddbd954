import type { Emit, Transfer } from '../base/events.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatRepository, type Repository } from '../oci/reference.ts';

/** Item that is sent, and its target repository. */
export interface Sent {
  readonly item: Transfer['item'];
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly tag?: string | undefined;
}

/**
 * Runs a transfer and emits its outcome and duration. `work` returns the outcome; undefined (manifests) means stored.
 */
export async function reported<R extends 'stored' | 'mounted' | 'present' | undefined>(
  emit: Emit,
  { item, repository, descriptor, tag }: Sent,
  work: () => Promise<R>,
): Promise<R> {
  const began = performance.now();
  const { digest, size: bytes } = descriptor;
  const tell = (status: Transfer['status']): void =>
    emit({
      type: 'transfer',
      item,
      digest,
      bytes,
      repository: formatRepository(repository),
      ...(tag === undefined ? {} : { tag }),
      status,
      seconds: Math.round(performance.now() - began) / 1000,
    });
  try {
    const how = await work();
    if (how !== 'present') tell(how ?? 'stored');
    return how;
  } catch (error) {
    tell('failed');
    throw error;
  }
}
