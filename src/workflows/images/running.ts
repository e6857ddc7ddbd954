import { count, firstOf } from '../../base/count.ts';
import type { Emit } from '../../base/events.ts';
import { printableLine, quoted } from '../../base/printable.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { type Pod, type PodContext, type PodImage, readPods } from '../../kubernetes/pods.ts';
import { isDigest } from '../../oci/digest.ts';
import { formatReference, tryParseReference } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';

/** Maximum number of names in a warning. */
const MAX_NAMES = 5;

/**
 * Returns the images of all containers and image volumes of a list of Pods. An image keeps the name and tag that its Pod has;
 * what the node runs is in `pod.running`. Warns of images that are no reference, and of tags that nodes run with several digests.
 * @param file output of `kubectl get pods -A -o json`; `-` for standard input
 * @throws AirgapError of {@link readPods}
 */
export async function runningReferences(context: Context & PodContext, file: string): Promise<LocatedReference[]> {
  const pods = await readPods(context, { file });
  const unnamed: string[] = [];
  const references = pods.flatMap((pod) =>
    pod.images.flatMap((image) => {
      const reference = referenceOf(image);
      if (reference !== undefined) return [locate(pod, image, reference)];
      unnamed.push(`${quoted(image.image)} (Pod ${pod.namespace}/${pod.name}, ${image.container})`);
      return [];
    }),
  );
  if (unnamed.length > 0) {
    const message = `left out ${count(unnamed.length, 'image')} of Pods that ${unnamed.length === 1 ? 'is' : 'are'} no reference: ${firstOf(unnamed, MAX_NAMES)}`;
    context.emit({ type: 'warning', message });
  }
  warnMoved(context.emit, references);
  return references;
}

/** Returns the image as its Pod names it. A Pod may name a local image by its ID; then its node may know where it is from. */
function referenceOf({ image, running }: PodImage): string | undefined {
  // As a reference, an ID would be a tag of the repository sha256 on Docker Hub.
  const reference = isDigest(image) ? undefined : tryParseReference(image);
  return reference === undefined ? running : formatReference(reference);
}

function locate(
  { namespace, name }: Pod,
  { container, path, image, running }: PodImage,
  reference: string,
): LocatedReference {
  return {
    ...{ chart: '', profile: '', template: '', document: 0, kind: 'Pod', name, path },
    how: 'pod-spec',
    written: image,
    pod: { namespace, container, ...(running !== undefined && { running }) },
    reference,
    confidence: 'certain',
    need: 'install',
  };
}

/** Warns of tags that have moved while Pods were running: a registry has only one of their digests under the tag. */
function warnMoved(emit: Emit, references: readonly LocatedReference[]): void {
  const digests = new Map<string, Set<string>>();
  for (const { reference, pod } of references) {
    const [, digest] = pod?.running?.split('@') ?? [];
    if (digest === undefined || reference.includes('@')) continue;
    digests.set(reference, (digests.get(reference) ?? new Set()).add(digest));
  }
  const moved = [...digests].filter(([, all]) => all.size > 1).map(([reference]) => printableLine(reference));
  if (moved.length === 0) return;
  const message = `Pods run several digests of ${firstOf(moved, MAX_NAMES)}: unless these are its platforms, the tag has moved, and only its newest image is listed (-o json has the digests)`;
  emit({ type: 'warning', message });
}
