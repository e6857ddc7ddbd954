import { asAirgapError } from '../../base/errors.ts';
import { type Pod, type PodContext, readPods } from '../../kubernetes/pods.ts';
import { isUnderTarget, type Target } from '../../naming/naming.ts';
import { type Reference, tryParseReference } from '../../oci/reference.ts';
import { destinationOf } from '../push/destination.ts';
import type { Kept } from './kept.ts';

/**
 * Adds what the Pods of a list run: the tags that they name, and every tag that reaches a digest that they run. A name of another
 * registry counts as the name that it has at the target, too, since nodes may redirect it (`values --format containerd`).
 * @param file `-` for standard input
 * @throws AirgapError of {@link readPods}
 */
export async function keepPods(kept: Kept, context: PodContext, file: string, target: Target): Promise<void> {
  for (const pod of await readPods(context, { file })) keepPod(kept, pod, target);
}

function keepPod(kept: Kept, { namespace, name, images }: Pod, target: Target): void {
  const why = `Pod ${namespace}/${name}`;
  for (const { image, digest } of images) {
    if (digest !== undefined) kept.everywhere(digest, why);
    const reference = tryParseReference(image);
    if (reference === undefined) continue;
    if (reference.digest !== undefined) kept.everywhere(reference.digest, why);
    for (const one of namesAt(target, reference)) {
      if (one.tag !== undefined) kept.tag(one, one.tag, why);
      for (const known of [digest, reference.digest]) if (known !== undefined) kept.digest(one, known, why);
    }
  }
}

/**
 * Returns the names that a node may pull from the target for an image of a Pod: its own, that of the same path if the registry has
 * a second host name, and that which `push` gives an image of another registry.
 */
function namesAt(target: Target, reference: Reference): readonly Reference[] {
  const { registry } = target;
  const own = { ...reference, registry };
  const isOwn = reference.registry.toLowerCase() === registry && isUnderTarget(target, own);
  return isOwn ? [own] : [own, ...mapped(target, reference)];
}

/** Returns the name of an image at the target, with the tag that `push` gives it and with its own; none if it has none. */
function mapped(target: Target, reference: Reference): readonly Reference[] {
  try {
    const { digest: _, ...destination } = destinationOf(target, reference);
    return [destination, { ...destination, ...(reference.tag !== undefined && { tag: reference.tag }) }];
  } catch (error) {
    // A name that push refuses has no content there.
    asAirgapError(error);
    return [];
  }
}
