import { count } from '../../base/count.ts';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { ManifestContent, Source } from '../../oci/content.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { isAttestationPlatform } from '../../oci/platform.ts';
import { formatReference, formatRepository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { isImageSignature, type SignatureBlob, signatureBlobs } from '../../oci/referrer-signature.ts';
import { identityText, matchesIdentity } from '../../sigstore/identity.ts';
import { referrerManifest } from '../../transfer/manifest-reader.ts';
import type { IncompleteReferrers, ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { type ReadBlobOptions, readBlob } from '../../transfer/resumable-read.ts';
import { throwIfAborted, wrapError } from '../../transfer/wrap-error.ts';
import { ruleFinder, type SignaturePolicy, type SignatureRule, signersText } from './signature-policy.ts';

export interface SignatureCheck extends ReadBlobOptions {
  readonly graph: Graph;
  /**
   * Reports whether a root is known to derive from the manifest with its `sourceDigest`. The inventory of a bundle is
   * not proof of that; without proof, the signature must cover the digest in the bundle.
   */
  readonly isSourceProven: (root: Root) => Promise<boolean>;
  /** Referrers of indexes that the platform selection replaced; publishers usually sign these indexes. */
  readonly leftOut: readonly Referrer[];
  readonly source: Source;
  /** Images whose referrers could not all be read. */
  readonly incomplete?: readonly IncompleteReferrers[];
  readonly policy: SignaturePolicy;
  /** Images checked at the same time. */
  readonly concurrency: number;
}

/** Largest signature, in bytes; real ones have some hundred, with a certificate chain some ten thousand. */
export const SIGNATURE_LIMIT = 4 * 1024 * 1024;

/** Reasons of rejected signatures in a message. */
const MAX_REASONS = 3;

/**
 * Verifies offline that every image has a signature as the policy requires it. The signature must cover the digest at
 * the source, if the image is known to derive from it, or each remaining image of an index that was reduced.
 * @throws AirgapError `signature` naming each image without one, `several` for more than one; errors of the source
 */
export async function requireSignatures(check: SignatureCheck): Promise<void> {
  const { graph, policy, concurrency, emit, signal } = check;
  // The libraries of sigstore are loaded only for identities.
  const needsSigstore = policy.rules.some(({ identities }) => identities.length > 0);
  const { verifyKeyless } = needsSigstore ? await import('../../sigstore/keyless.ts') : {};
  const verifier = new Verifier(check, verifyKeyless);
  const ruleOf = ruleFinder(policy);
  const outcomes = await runStep(
    emit,
    'checking the signatures of images',
    (advance) =>
      settle(graph.roots, concurrency, async (root) => {
        const rule = ruleOf(formatReference(root.reference));
        const isExempt = rule?.unsigned !== undefined;
        return { rule, ...(rule && !isExempt && (await verifier.check(root, rule).finally(advance))) };
      }),
    graph.roots.length,
  );
  throwIfAborted(signal);
  const errors: AirgapError[] = [];
  const exempt: string[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const root = graph.roots[index] as Root;
    const name = formatReference(root.reference);
    if ('error' in outcome) {
      errors.push(wrapError(name, outcome.error));
      continue;
    }
    const { rule, missing } = outcome.value;
    if (rule === undefined) errors.push(uncoveredError(name));
    else if (rule.unsigned !== undefined) exempt.push(`${name} (${rule.unsigned})`);
    else if (missing !== undefined) {
      const registryError = check.incomplete?.find(({ images }) => images.includes(name))?.error;
      errors.push(unsignedError(name, root, rule, { ...missing, registryError }));
    }
  }
  if (errors.length > 0) {
    throw combine(errors, `${errors.length} of ${graph.roots.length} images have no valid signature`);
  }
  if (exempt.length === 0) return;
  emit({
    type: 'note',
    message: `${count(exempt.length, 'image')} accepted without a signature: ${exempt.join(', ')}`,
  });
}

/**
 * Like {@link requireSignatures}, for images that have just been read from their registries: these are proof of what a
 * reduced index derives from. Does nothing without a policy.
 * @param requests tell which referrers could not be read
 */
export async function requireSourceSignatures(
  {
    policy,
    ...check
  }: Omit<SignatureCheck, 'isSourceProven' | 'incomplete' | 'policy'> & {
    readonly policy: SignaturePolicy | undefined;
  },
  requests: ReferrerRequests,
): Promise<void> {
  if (policy === undefined) return;
  await requireSignatures({ ...check, policy, isSourceProven: async () => true, incomplete: requests.incomplete() });
}

/** What was looked for and not found. */
interface MissingSignature {
  /** Digest that must be signed. */
  readonly digest: Digest;
  /** Number of referrers that may be signatures. */
  readonly referrers: number;
  /** Why the signatures that were found are not accepted. */
  readonly reasons: readonly string[];
}

type VerifyKeyless = typeof import('../../sigstore/keyless.ts').verifyKeyless;

class Verifier {
  readonly #check: SignatureCheck;
  readonly #verifyKeyless: VerifyKeyless | undefined;
  readonly #bySubject: ReadonlyMap<string, readonly Referrer[]>;

  constructor(check: SignatureCheck, verifyKeyless: VerifyKeyless | undefined) {
    this.#check = check;
    this.#verifyKeyless = verifyKeyless;
    const allReferrers = [...(check.graph.referrers ?? []), ...check.leftOut];
    this.#bySubject = Map.groupBy(
      allReferrers,
      ({ repository, subject }) => `${formatRepository(repository)}@${subject}`,
    );
  }

  /** Looks for a signature of the image, or of each image in an index that was reduced. */
  async check(root: Root, rule: SignatureRule): Promise<{ readonly missing?: MissingSignature }> {
    const { sourceDigest, descriptor } = root;
    const isKnown = sourceDigest !== undefined && (await this.#check.isSourceProven(root));
    const digest = isKnown ? sourceDigest : descriptor.digest;
    const reasons = await this.#rejections(root, digest, rule);
    if (reasons === undefined) return {};
    const missing = { digest, referrers: this.#referrersOf(root.reference, digest).length, reasons };
    if (sourceDigest === undefined) return { missing };
    const images = imagesIn(this.#check.graph, root);
    const ofImages = await Promise.all(images.map((image) => this.#rejections(root, image, rule)));
    const isEachSigned = images.length > 0 && ofImages.every((rejections) => rejections === undefined);
    return isEachSigned ? {} : { missing };
  }

  /** Returns why no signature of the digest is accepted; undefined if one is. */
  async #rejections({ reference }: Root, digest: Digest, rule: SignatureRule): Promise<string[] | undefined> {
    const reasons = new Set<string>();
    for (const referrer of this.#referrersOf(reference, digest)) {
      const { descriptor, bytes } = await this.#manifest(referrer);
      for (const found of signatureBlobs(parseManifest(descriptor.mediaType, bytes))) {
        if (found.blob.size > SIGNATURE_LIMIT) continue;
        const { repository } = referrer;
        const node = { descriptor: found.blob, repositories: [repository] };
        const content = await readBlob(this.#check.source, node, this.#check);
        if (isImageSignature(found, content, digest, rule.keys)) return undefined;
        if (rule.identities.length === 0) continue;
        const reason = this.#keylessRejection(found, content, digest, rule);
        if (reason === undefined) return undefined;
        reasons.add(reason);
      }
    }
    return [...reasons];
  }

  #keylessRejection(
    signature: SignatureBlob,
    content: Uint8Array,
    digest: Digest,
    { identities }: SignatureRule,
  ): string | undefined {
    const { trustedRoot } = this.#check.policy;
    if (trustedRoot === undefined || this.#verifyKeyless === undefined) return 'there is no trusted root';
    try {
      const signer = this.#verifyKeyless(signature, content, digest, trustedRoot);
      if (identities.some((rule) => matchesIdentity(rule, signer))) return undefined;
      return `it was signed by ${identityText(signer)}`;
    } catch (error) {
      const { code, reason } = asAirgapError(error);
      if (code !== 'signature') throw error;
      return reason;
    }
  }

  #referrersOf(reference: Root['reference'], digest: Digest): readonly Referrer[] {
    return this.#bySubject.get(`${formatRepository(reference)}@${digest}`) ?? [];
  }

  async #manifest(referrer: Referrer): Promise<ManifestContent> {
    const { graph, source } = this.#check;
    const read = (lookup: string): Promise<ManifestContent> => source.manifest(referrer.repository, lookup);
    return graph.manifests.get(referrer.descriptor.digest) ?? referrerManifest(read, referrer);
  }
}

/**
 * Returns images below a root, without attestations. The media type comes from the manifest, not from its descriptor.
 */
function imagesIn(graph: Graph, { descriptor }: Root): Digest[] {
  const children = closureOf(graph, descriptor.digest).manifests.flatMap(
    (digest) => graph.manifests.get(digest)?.children ?? [],
  );
  const isIndex = (digest: Digest): boolean => isIndexType(graph.manifests.get(digest)?.descriptor.mediaType ?? '');
  const images = children.filter(({ digest, platform }) => !isIndex(digest) && !isAttestationPlatform(platform));
  return [...new Set(images.map(({ digest }) => digest))];
}

function uncoveredError(name: string): AirgapError {
  return new AirgapError('signature', 'no rule says who must have signed it', {
    subject: name,
    hint: 'add a rule to signatures.rules in airgap.yaml, or accept the image with unsigned: REASON there',
  });
}

function unsignedError(
  name: string,
  root: Root,
  rule: SignatureRule,
  { digest, referrers, reasons, registryError }: MissingSignature & { readonly registryError: AirgapError | undefined },
): AirgapError {
  const by = signersText(rule);
  const rejected = reasons.slice(0, MAX_REASONS).join('; ');
  const more = reasons.length > MAX_REASONS ? `; and ${reasons.length - MAX_REASONS} more` : '';
  const because = reasons.length === 0 ? '' : `: ${rejected}${more}`;
  const found =
    referrers === 0 ? 'it has no referrers' : `none of its referrers (${referrers}) is a signature by ${by}`;
  const isSubset = root.sourceDigest !== undefined;
  const each = isSubset ? ', nor of each image in it' : '';
  const isKnown = root.sourceDigest === digest;
  if (registryError !== undefined) {
    const reason = `no cosign signature${each} by ${by} was found, and its referrers could not all be read: ${registryError.reason}`;
    return new AirgapError('signature', reason, {
      subject: name,
      step: digest,
      hint: registryError.hint ?? 'run the command again',
      cause: registryError,
    });
  }
  return new AirgapError('signature', `no cosign signature${each} by ${by}: ${found}${because}`, {
    subject: name,
    step: digest,
    hint: isSubset && (referrers === 0 || !isKnown) ? subsetHint(root, isKnown) : signHint(rule),
  });
}

function signHint({ identities }: SignatureRule): string {
  if (identities.length === 0) return 'leave out the image with --exclude, or sign it with cosign sign --key';
  return 'leave out the image with --exclude, or name the identity that signs it if you trust that';
}

/** Returns the hint for a reduced index, which the signature of the original index does not cover. */
function subsetHint({ sourceDigest }: Root, isKnown: boolean): string {
  const part = 'the signature of an index does not cover an index reduced to some platforms';
  if (isKnown) return `${part}; bundle the image without --platform, or verify it at its registry`;
  return `${part}, and the bundle does not prove that this one derives from ${sourceDigest}; bundle it again, or verify it with bundle --verify-signatures`;
}
