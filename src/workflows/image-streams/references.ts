import { count, firstOf } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import type { ImageStreamTag } from '../../inventory/image-streams.ts';
import type { Context } from '../../session/context.ts';
import { type ImageStreamOptions, planImageStreams, reportLeftOut } from './plan.ts';

/** Maximum number of names in a message. */
const MAX_NAMES = 3;

/** References of the tags of image streams that have to be moved, and the host by which they are read. */
export interface ImageStreamReferences {
  readonly references: readonly LocatedReference[];
  /** Public host of the internal registry; absent if it is not needed. */
  readonly route?: string;
}

/**
 * Returns the images of exported image streams that have to be moved, `ROUTE/NAMESPACE/STREAM:TAG@DIGEST`: a tag that moves
 * meanwhile does not change what is copied.
 * @throws AirgapError `usage` without a route to the internal registry; those of {@link planImageStreams}
 */
export async function imageStreamReferences(
  context: Pick<Context, 'emit'>,
  options: ImageStreamOptions,
): Promise<ImageStreamReferences> {
  const plan = await planImageStreams(context, options);
  const moved = plan.tags.filter((tag) => tag.moved);
  const unread = moved.filter(({ source }) => source === undefined).map(({ name }) => name);
  const { internal, route } = plan.registry;
  if (unread.length > 0) {
    throw new AirgapError(
      'usage',
      `no public host is known for the internal registry, which has the images of ${count(unread.length, 'tag')}: ${firstOf(unread, MAX_NAMES)}`,
      {
        hint: `give it: --registry-route ${internal[0]}=HOST, or export its Route too: oc get routes -n openshift-image-registry -o yaml`,
      },
    );
  }
  reportLeftOut(context, plan, options);
  const references = moved.flatMap((tag) => (tag.source === undefined ? [] : [locate(tag, tag.source)]));
  return { references, ...(route !== undefined && { route }) };
}

function locate(
  { name, namespace, path, file, class: tagClass, why, image }: ImageStreamTag,
  reference: string,
): LocatedReference {
  const stream = name.slice(namespace.length + 1, name.lastIndexOf(':'));
  const tag = name.slice(name.lastIndexOf(':') + 1);
  return {
    ...{ chart: '', profile: '', template: '', document: 0, kind: 'ImageStream', name: stream, path },
    how: 'custom-resource',
    written: image ?? reference,
    imageStream: { namespace, tag, class: tagClass, why, file },
    reference,
    confidence: 'certain',
    need: 'install',
  };
}
