import type { KeyObject } from 'node:crypto';
import { openCheckedBundle } from '../../bundle/open.ts';
import type { RequiredSigner } from '../../bundle/signing/check-signature.ts';
import type { Context } from '../../session/context.ts';
import { Walker } from '../../transfer/walk.ts';
import { requireSignatures } from '../bundle/image-signatures.ts';
import { bundledSignatures, isSubsetOfSource } from '../bundle/subset-evidence.ts';

/**
 * Verifies offline that the bundle has a cosign signature by one of the keys for each of its images.
 * @param signers public keys that must all have signed the bundle itself
 * @throws AirgapError `signature` naming each unsigned image, `several` for more than one; `bundle-invalid`
 */
export async function verifySignatures(
  { emit, signal }: Context,
  file: string,
  concurrency: number,
  keys: readonly KeyObject[],
  signers: readonly RequiredSigner[] = [],
): Promise<void> {
  const source = await openCheckedBundle(file, { signers, emit });
  try {
    const walker = new Walker(source, { platforms: [], concurrency, signal });
    const failures = await walker.add(source.images().map(({ reference }) => reference));
    const attached = await walker.attach(source.referrers());
    for (const { error } of [...failures, ...attached.failures]) throw error;
    const graph = walker.graph();
    await requireSignatures({
      graph: { ...graph, roots: source.images() },
      isSourceProven: (root) => isSubsetOfSource(source, root),
      leftOut: bundledSignatures(source),
      source,
      keys,
      concurrency,
      emit,
      signal,
    });
  } finally {
    await source.close();
  }
}
