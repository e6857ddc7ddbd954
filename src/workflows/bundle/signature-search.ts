import type { KeyObject } from 'node:crypto';
import { asAirgapError } from '../../base/errors.ts';
import type { ManifestContent, Source } from '../../oci/content.ts';
import { isIndexType } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { closureOf, type Graph, type Root } from '../../oci/graph.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { isAttestationPlatform } from '../../oci/platform.ts';
import { formatRepository } from '../../oci/reference.ts';
import type { Referrer } from '../../oci/referrer.ts';
import { isImageSignature, type SignatureBlob, signatureBlobs } from '../../oci/referrer-signature.ts';
import { identityText, type KeylessSigner, matchesIdentity } from '../../sigstore/identity.ts';
import { referrerManifest } from '../../transfer/manifest-reader.ts';
import type { IncompleteReferrers } from '../../transfer/referrers/requests.ts';
import { type ReadBlobOptions, readBlob } from '../../transfer/resumable-read.ts';
import type { SignaturePolicy, SignatureRule } from './signature-policy.ts';

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

/** A signature that was accepted. */
export interface AcceptedSignature {
  /** Digest that it covers: of the image, or of the index at the source. */
  readonly digest: Digest;
  /** How it is stored: under cosign's tag, as a referrer in the same format, or as a sigstore bundle. */
  readonly form: 'tag' | 'referrer' | 'bundle';
  readonly signer: { readonly key: KeyObject } | KeylessSigner;
}

/** What was looked for and not found. */
export interface MissingSignature {
  /** Digest that must be signed. */
  readonly digest: Digest;
  /** Number of referrers that may be signatures. */
  readonly referrers: number;
  /** Why the signatures that were found are not accepted. */
  readonly reasons: readonly string[];
}

/** A signature of an image, those of each image in an index that was reduced, or what is missing. */
export interface SignatureOutcome {
  readonly signature?: AcceptedSignature;
  readonly parts?: readonly AcceptedSignature[];
  readonly missing?: MissingSignature;
}

/** An accepted signature, or why those that were found are not. */
interface FoundSignature {
  readonly signature?: AcceptedSignature;
  readonly reasons: readonly string[];
}

export type VerifyKeyless = typeof import('../../sigstore/keyless.ts').verifyKeyless;

/** Looks for signatures among the referrers of images, and verifies them. */
export class SignatureSearch {
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
  async check(root: Root, rule: SignatureRule): Promise<SignatureOutcome> {
    const { sourceDigest, descriptor } = root;
    const isKnown = sourceDigest !== undefined && (await this.#check.isSourceProven(root));
    const digest = isKnown ? sourceDigest : descriptor.digest;
    const { signature, reasons } = await this.#find(root, digest, rule);
    if (signature !== undefined) return { signature };
    const missing = { digest, referrers: this.#referrersOf(root.reference, digest).length, reasons };
    if (sourceDigest === undefined) return { missing };
    const images = imagesIn(this.#check.graph, root);
    const ofImages = await Promise.all(images.map((image) => this.#find(root, image, rule)));
    const parts = ofImages.flatMap((found) => found.signature ?? []);
    return images.length > 0 && parts.length === images.length ? { parts } : { missing };
  }

  /** Returns the first signature of the digest that is accepted, or why none is. */
  async #find({ reference }: Root, digest: Digest, rule: SignatureRule): Promise<FoundSignature> {
    const reasons = new Set<string>();
    for (const referrer of this.#referrersOf(reference, digest)) {
      const { descriptor, bytes } = await this.#manifest(referrer);
      for (const found of signatureBlobs(parseManifest(descriptor.mediaType, bytes))) {
        if (found.blob.size > SIGNATURE_LIMIT) continue;
        const { repository } = referrer;
        const node = { descriptor: found.blob, repositories: [repository] };
        const content = await readBlob(this.#check.source, node, this.#check);
        const verdict = this.#verdict(found, content, digest, rule);
        if (typeof verdict === 'string') reasons.add(verdict);
        else if (verdict !== undefined) {
          const form = found.signature === undefined ? 'bundle' : referrer.tag === undefined ? 'referrer' : 'tag';
          return { signature: { digest, form, signer: verdict }, reasons: [] };
        }
      }
    }
    return { reasons: [...reasons] };
  }

  /** Returns who signed, if the rule names it; why a keyless signature is not accepted; undefined for another key's. */
  #verdict(
    found: SignatureBlob,
    content: Uint8Array,
    digest: Digest,
    { keys, identities }: SignatureRule,
  ): AcceptedSignature['signer'] | string | undefined {
    const key = keys.find((candidate) => isImageSignature(found, content, digest, [candidate]));
    if (key !== undefined) return { key };
    const { trustedRoot } = this.#check.policy;
    if (identities.length === 0 || trustedRoot === undefined || this.#verifyKeyless === undefined) return undefined;
    try {
      const signer = this.#verifyKeyless(found, content, digest, trustedRoot);
      const isNamed = identities.some((rule) => matchesIdentity(rule, signer));
      return isNamed ? signer : `it was signed by ${identityText(signer)}`;
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
