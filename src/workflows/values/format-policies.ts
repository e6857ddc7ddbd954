import { availableParallelism } from 'node:os';
import { isUnderTarget } from '../../naming/naming.ts';
import type { Root } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import {
  formatKyverno,
  formatPolicyController,
  imagesTitle,
  type PolicyImage,
  type PolicySigners,
} from '../../overrides/formats/index.ts';
import type { Context } from '../../session/context.ts';
import { checkImageSignatures } from '../bundle/image-signatures.ts';
import type { SignaturePolicy, SignatureRule } from '../bundle/signature-policy.ts';
import { withSignatureCheck } from '../verify/verify-signatures.ts';
import type { FormatResult } from './format-references.ts';
import { bundledReferences } from './needed-references.ts';
import type { ValuesOptions } from './values.ts';

/** Formats of policies that require the signatures of a bundle's images in a cluster. */
export type PolicyFormat = 'kyverno' | 'policy-controller';

export interface PolicyFormatOptions extends Pick<ValuesOptions, 'target' | 'signers'> {
  readonly bundle: string;
  readonly policy: SignaturePolicy;
  readonly plainHttp: boolean;
}

/**
 * Verifies the signatures of a bundle's images, and generates policies that require them at the target. Images without the
 * required signature are reported and left out: a policy would keep them from running.
 * @throws AirgapError `collision`, `signature` for the bundle itself, `usage` for the trusted root
 */
export async function formatPolicies(
  context: Context,
  format: PolicyFormat,
  { bundle, target, signers, policy, plainHttp }: PolicyFormatOptions,
): Promise<FormatResult> {
  const { charts, references } = await bundledReferences(context, { bundle, target, signers });
  const concurrency = availableParallelism();
  const { signed, exempt, unsigned, trusted } = await withSignatureCheck(
    context,
    { file: bundle, concurrency, policy, signers: signers ?? [] },
    async (check) => {
      const { trustedRoot } = check.policy;
      const keys = trustedRoot && (await import('../../sigstore/trusted-keys.ts')).trustedKeys(trustedRoot);
      return { ...(await checkImageSignatures(check)), trusted: keys };
    },
  );
  const policySigners = new Map(policy.rules.map((rule) => [rule, signersOf(rule)]));
  const atTarget = ({ reference, descriptor }: Root) => ({ reference, digest: descriptor.digest });
  const isMoved = ({ root }: { readonly root: Root }): boolean => !isUnderTarget(target, root.reference);
  const images = signed.filter(isMoved).map(
    ({ root, rule, signature }): PolicyImage => ({
      ...atTarget(root),
      signers: policySigners.get(rule) ?? signersOf(rule),
      signature: signature && {
        digest: signature.digest,
        form: signature.form,
        time: 'time' in signature.signer ? signature.signer.time : undefined,
      },
    }),
  );
  for (const { root, reason } of exempt) {
    const name = formatReference(root.reference);
    const message = `${name} may run without a signature, because a rule says that it needs none: ${reason}`;
    context.emit({ type: 'note', message });
  }
  const options = {
    title: imagesTitle(charts, target),
    trusted,
    plainHttp,
    unsigned: unsigned.map(({ root, error: { message } }) => ({ ...atTarget(root), message })),
    exempt: exempt.filter(isMoved).map(({ root }) => atTarget(root)),
  };
  const formatted =
    format === 'kyverno' ? formatKyverno(images, target, options) : formatPolicyController(images, target, options);
  return { ...formatted, charts, references: references.length, allowed: [], notKnown: [] };
}

function signersOf({ keys, identities }: SignatureRule): PolicySigners {
  return { keys: keys.map((key) => key.export({ type: 'spki', format: 'pem' }).toString()), identities };
}
