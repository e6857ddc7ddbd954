import { type Reference, tryParseReference } from '../oci/reference.ts';
import { type ClassifiedTag, isUpload } from './classify-tags.ts';

/** What decides which tags are moved. */
export interface MoveOptions {
  readonly includePublic: boolean;
  readonly includePlatform: boolean;
}

/** Reports whether a tag has to be moved: the destination cannot get its image elsewhere, or must not. */
export function isMoved(
  tag: Pick<ClassifiedTag, 'class' | 'current' | 'from' | 'isReference' | 'isWithoutStatus'>,
  options: MoveOptions,
): boolean {
  const isOnlyReference = tag.isReference && tag.from?.kind === 'DockerImage';
  if (tag.current === undefined && !tag.isWithoutStatus && !isOnlyReference) return false;
  switch (tag.class) {
    case 'built':
    case 'pushed':
    case 'mirrored':
      return true;
    case 'public':
      return options.includePublic;
    case 'platform':
      return options.includePlatform;
    case 'empty':
      return false;
  }
}

/** Reports whether a tag of the platform has an image that was built or pushed: no other cluster has it by itself. */
export function isPlatformUpload(tag: ClassifiedTag, isInternal: (registry: string) => boolean): boolean {
  return tag.class === 'platform' && isUpload(tag, isInternal);
}

/**
 * Returns the reference by which the image of a tag is read from outside: `ROUTE/NAMESPACE/STREAM:TAG@DIGEST`. The internal
 * registry also serves imported images, from where they are. The image of a tag that is only a reference has its own name.
 * @returns undefined if it has no image
 */
export function sourceOf(tag: ClassifiedTag, route: string): Reference | undefined {
  const { namespace, stream, tag: name, current } = tag;
  const written = tag.from?.kind === 'DockerImage' ? tag.from.name : undefined;
  const reference = tag.isReference ? tryParseReference(current?.reference || written || '') : undefined;
  if (reference !== undefined && tag.class === 'public') return reference;
  const digest = current?.digest;
  // The registry has no image of a tag that was never imported: the image is that of another tag.
  if (reference !== undefined && digest === undefined)
    return tag.class === 'platform' ? reference : { ...reference, registry: route };
  return { registry: route, path: `${namespace}/${stream}`, tag: name, ...(digest && { digest }) };
}
