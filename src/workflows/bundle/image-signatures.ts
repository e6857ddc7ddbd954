import { count } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import { settle } from '../../base/pool.ts';
import { runStep } from '../../base/step.ts';
import type { Root } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import type { ReferrerRequests } from '../../transfer/referrers/requests.ts';
import { throwIfAborted, wrapError } from '../../transfer/wrap-error.ts';
import { ruleFinder, type SignaturePolicy, type SignatureRule, signersText } from './signature-policy.ts';
import {
  type AcceptedSignature,
  type MissingSignature,
  type SignatureCheck,
  SignatureSearch,
} from './signature-search.ts';

/** Reasons of rejected signatures in a message. */
const MAX_REASONS = 3;

/** An image with a signature as its rule requires it. */
interface SignedImage {
  readonly root: Root;
  readonly rule: SignatureRule;
  /** Absent if each image in a reduced index is signed, and not the index. */
  readonly signature?: AcceptedSignature;
  /** Signatures of each image in a reduced index. */
  readonly parts?: readonly AcceptedSignature[];
}

export interface SignatureResults {
  readonly signed: readonly SignedImage[];
  /** Images that need no signature according to a rule. */
  readonly exempt: readonly { readonly root: Root; readonly reason: string }[];
  /** Images without the required signature. */
  readonly unsigned: readonly { readonly root: Root; readonly error: AirgapError }[];
}

/**
 * Verifies offline that every image has a signature as the policy requires it. The signature must cover the digest at
 * the source, if the image is known to derive from it, or each remaining image of an index that was reduced.
 * @throws AirgapError `interrupted`
 */
export async function checkImageSignatures(check: SignatureCheck): Promise<SignatureResults> {
  const { graph, policy, concurrency, emit, signal } = check;
  // The libraries of sigstore are loaded only for identities.
  const needsSigstore = policy.rules.some(({ identities }) => identities.length > 0);
  const { verifyKeyless } = needsSigstore ? await import('../../sigstore/keyless.ts') : {};
  const search = new SignatureSearch(check, verifyKeyless);
  const ruleOf = ruleFinder(policy);
  const judge = async (root: Root) => {
    const rule = ruleOf(formatReference(root.reference));
    const isExempt = rule?.unsigned !== undefined;
    return { rule, ...(rule && !isExempt && (await search.check(root, rule))) };
  };
  const outcomes = await runStep(
    emit,
    'checking the signatures of images',
    (advance) => settle(graph.roots, concurrency, (root) => judge(root).finally(advance)),
    graph.roots.length,
  );
  throwIfAborted(signal);
  const results = {
    signed: [] as SignedImage[],
    exempt: [] as SignatureResults['exempt'][number][],
    unsigned: [] as SignatureResults['unsigned'][number][],
  };
  for (const [index, outcome] of outcomes.entries()) {
    const root = graph.roots[index] as Root;
    const name = formatReference(root.reference);
    if ('error' in outcome) {
      results.unsigned.push({ root, error: wrapError(name, outcome.error) });
      continue;
    }
    const { rule, missing, ...found } = outcome.value;
    if (rule === undefined) results.unsigned.push({ root, error: uncoveredError(name) });
    else if (rule.unsigned !== undefined) results.exempt.push({ root, reason: rule.unsigned });
    else if (missing === undefined) results.signed.push({ root, rule, ...found });
    else {
      const registryError = check.incomplete?.find(({ images }) => images.includes(name))?.error;
      results.unsigned.push({ root, error: unsignedError(name, root, rule, { ...missing, registryError }) });
    }
  }
  return results;
}

/**
 * Like {@link checkImageSignatures}, but fails.
 * @throws AirgapError `signature` naming each image without a signature, `several` for more than one; errors of the source
 */
export async function requireSignatures(check: SignatureCheck): Promise<Omit<SignatureResults, 'unsigned'>> {
  const { signed, exempt, unsigned } = await checkImageSignatures(check);
  if (unsigned.length > 0) {
    const errors = unsigned.map(({ error }) => error);
    throw combine(errors, `${errors.length} of ${check.graph.roots.length} images have no valid signature`);
  }
  if (exempt.length > 0) {
    const names = exempt.map(({ root, reason }) => `${formatReference(root.reference)} (${reason})`);
    check.emit({
      type: 'note',
      message: `${count(exempt.length, 'image')} accepted without a signature: ${names.join(', ')}`,
    });
  }
  return { signed, exempt };
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
  const found = referrers === 0 ? 'it has no referrers' : `none of its referrers (${referrers}) is one`;
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
