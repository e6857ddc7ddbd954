import { AirgapError } from '../../base/errors.ts';
import type { ValuesOptions } from '../../workflows/values/values.ts';
import { type ConfiguredSignatures, givenSignerFlag, requiredSignatures, type SignerFlags } from '../flags/keyless.ts';
import { checkFormat, type FormatFlags } from '../flags/overrides.ts';

/** Flags of sources, which policies do not have. */
interface SourceFlags {
  readonly bundle?: string;
  readonly kustomize: readonly string[];
  readonly manifests: readonly string[];
  readonly images?: string;
  readonly all?: true;
}

/** Returns the signatures that policies require. @throws AirgapError `usage` without any; `config`, `file` */
export async function policySignatures(
  flags: SignerFlags & FormatFlags,
  settings: ConfiguredSignatures,
  cwd: string,
): Promise<ValuesOptions['signatures']> {
  const { policy } = await requiredSignatures(flags, settings, cwd, 'verify');
  if (policy !== undefined) return policy;
  throw new AirgapError('usage', `--format ${flags.format} needs the keys or identities that have signed the images`, {
    hint: 'give --verify-signatures KEY, --certificate-identity, or rules under signatures with --config',
  });
}

/** Checks that the images of policies are those of a bundle. A configuration file has their rules and no charts then. */
export function checkPolicySources(chart: string | undefined, flags: SourceFlags & FormatFlags): void {
  const { bundle, kustomize, manifests, images, all = false, format } = flags;
  const others = chart !== undefined || all || kustomize.length + manifests.length > 0 || images !== undefined;
  if (bundle === undefined || others || flags.update !== undefined) {
    throw new AirgapError('usage', `--format ${format} is for all images of one bundle`, {
      hint: 'give --bundle FILE, and no chart or other source: the signatures are in the bundle',
    });
  }
  checkFormat(flags, false);
}

/** @throws AirgapError `usage` for flags of policies with another format */
export function refuseSignerFlags(flags: SignerFlags): void {
  const flag = givenSignerFlag(flags);
  if (flag === undefined) return;
  throw new AirgapError('usage', `${flag} needs --format kyverno or policy-controller`, {
    hint: 'other formats require no signatures: helm airgap verify BUNDLE checks them',
  });
}
