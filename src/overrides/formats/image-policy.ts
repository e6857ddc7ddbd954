import { compareText } from '../../base/text-order.ts';
import { isSharedRepository, type Target, targetReference, targetRepository } from '../../naming/naming.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import type { IdentityRule, TextRule } from '../../sigstore/identity.ts';
import type { TrustedKeys } from '../../sigstore/trusted-keys.ts';

/** Who must have signed an image. Images with the same rule share the object. */
export interface PolicySigners {
  /** Public keys in PEM. */
  readonly keys: readonly string[];
  readonly identities: readonly IdentityRule[];
}

/** An image whose signature was verified. */
export interface PolicyImage extends BundledImage {
  readonly signers: PolicySigners;
  /** Undefined if each image in the index is signed, and not the index. */
  readonly signature:
    | {
        /** Digest that it covers. */
        readonly digest: Digest;
        readonly form: 'tag' | 'referrer' | 'bundle';
        /** Who vouches for its time; undefined for a signature by a key. */
        readonly time: 'log' | 'authority' | undefined;
      }
    | undefined;
}

export interface PolicyOptions {
  /** First line of the file. */
  readonly title: string;
  /** Undefined if no signature is keyless. */
  readonly trusted: TrustedKeys | undefined;
  readonly plainHttp: boolean;
  /** Images that are not signed as required, with one sentence each. */
  readonly unsigned: readonly UnsignedImage[];
  /** Images that need no signature. */
  readonly exempt: readonly BundledImage[];
}

/** An image at the target. */
export interface BundledImage {
  readonly reference: Reference;
  /** Digest of the manifest or index at the target. */
  readonly digest: Digest;
}

export interface UnsignedImage extends BundledImage {
  /** Why no policy can require its signature. */
  readonly message: string;
}

/** Images that one policy can require the signatures of. */
export interface PolicyGroup {
  readonly signers: PolicySigners;
  readonly form: 'tag' | 'referrer' | 'bundle';
  /** Patterns of their names at the target, sorted. */
  readonly patterns: readonly string[];
}

/**
 * Groups images by who must have signed and how the signature is stored. A repository whose images are in one group belongs
 * to it as a whole, so that other tags need a signature too; else each image is named. So it is in the repository that all
 * images share, which has those of other bundles too.
 * @param others images of the bundle from which no signature is required
 */
export function policyGroups(
  images: readonly PolicyImage[],
  target: Target,
  others: readonly BundledImage[],
): readonly PolicyGroup[] {
  const groups = new Map<
    string,
    { readonly signers: PolicySigners; form: PolicyGroup['form']; patterns: Set<string> }
  >();
  const ids = new Map<PolicySigners, number>();
  const keyOf = ({ signers, signature }: PolicyImage): string => {
    const id = ids.get(signers) ?? ids.size;
    ids.set(signers, id);
    return `${id} ${signature?.form}`;
  };
  const repositoryOf = ({ reference }: BundledImage): string => formatRepository(targetRepository(target, reference));
  const isShared = ({ reference }: BundledImage): boolean =>
    isSharedRepository(target, targetRepository(target, reference));
  const mixed = new Set(others.map(repositoryOf));
  for (const [repository, inRepository] of Map.groupBy(images, repositoryOf)) {
    const isMixed = mixed.has(repository) || inRepository.some(isShared);
    const isUniform = !isMixed && new Set(inRepository.map(keyOf)).size === 1;
    for (const image of inRepository) {
      const key = keyOf(image);
      const form = image.signature?.form ?? 'tag';
      const group = groups.get(key) ?? { signers: image.signers, form, patterns: new Set() };
      groups.set(key, group);
      const { tag } = targetReference(target, image.reference);
      const named = [...(tag === undefined ? [] : [`${repository}:${tag}`]), `${repository}@${image.digest}`];
      for (const pattern of isUniform ? [`${repository}:*`, `${repository}@*`] : named) group.patterns.add(pattern);
    }
  }
  return [...groups.values()]
    .map((group) => ({ ...group, patterns: [...group.patterns].sort(compareText) }))
    .sort((a, b) => compareText(a.patterns[0] ?? '', b.patterns[0] ?? ''));
}

/**
 * Separates the images whose signatures a policy can require.
 * @param problemOf returns why a format cannot express one; undefined if it can
 */
export function expressible(
  images: readonly PolicyImage[],
  problemOf: (image: PolicyImage, signature: NonNullable<PolicyImage['signature']>) => string | undefined,
): { readonly images: readonly PolicyImage[]; readonly left: readonly UnsignedImage[] } {
  const left: UnsignedImage[] = [];
  const kept = images.filter((image) => {
    const problem = commonProblem(image) ?? (image.signature && problemOf(image, image.signature));
    if (problem !== undefined) left.push({ ...image, message: `${formatReference(image.reference)}: ${problem}` });
    return problem === undefined;
  });
  return { images: kept, left };
}

function commonProblem({ signature, digest, signers }: PolicyImage): string | undefined {
  if (signature === undefined) return 'each image in it is signed, but not the index that Pods name';
  if (signature.digest !== digest) return 'its signature covers the index of all platforms, which the target lacks';
  const texts = signers.identities.flatMap(({ identity, issuer }) => [identity, issuer]);
  const unreadable = texts.find((rule) => 'pattern' in rule && !isGoPattern(rule.pattern));
  return unreadable && 'pattern' in unreadable
    ? `the expression ${unreadable.pattern} has parts that Go, which checks the policy, does not read`
    : undefined;
}

/** Look-around, back references, empty classes, long names of properties, and escapes that only JavaScript reads. */
const ONLY_JAVASCRIPT = /\(\?(?:[=!]|<[=!])|\\[1-9kuc]|\[\^?\]|\\[pP]\{(?![A-Z][a-z]?\})/;

/** Largest count of a repetition that Go reads. */
const MAX_GO_REPEAT = 1000;

/** Reports whether Go reads an expression as JavaScript does. */
function isGoPattern(pattern: string): boolean {
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap(([, least, most]) => [least, most]);
  return !ONLY_JAVASCRIPT.test(pattern) && counts.every((count = '') => Number(count) <= MAX_GO_REPEAT);
}

/** Returns an expression that matches what a rule matches. */
export function asPattern(rule: TextRule): string {
  return 'pattern' in rule ? rule.pattern : `^${rule.exact.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}
