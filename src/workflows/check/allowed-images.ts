import { wildcard } from '../../base/wildcard.ts';

/** Images that a check accepts though they are not the target's, with the reason for reviewers. */
export interface AllowedImages {
  /** Pattern with `*` of normalized references. */
  readonly image: string;
  /** Pattern with `*` of namespaces. Default: all. */
  readonly namespace?: string | undefined;
  readonly reason: string;
}

/** Returns the test whether an entry allows an image. @returns a function of a normalized reference and a namespace */
export function allowedBy({ image, namespace }: AllowedImages): (reference: string, namespace: string) => boolean {
  const [images, namespaces] = [wildcard(image), wildcard(namespace ?? '*')];
  return (reference, inNamespace) => images.test(reference) && namespaces.test(inNamespace);
}
