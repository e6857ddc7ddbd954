import type { KeyObject } from 'node:crypto';
import { AirgapError } from '../base/errors.ts';
import type { Reference } from '../oci/reference.ts';
import { type Bundle, openBundle } from './read.ts';
import { checkAgreement } from './reading/agreement.ts';
import { openSigned } from './signing/check-signature.ts';

export interface OpenOptions {
  /** The public key that has to have signed it. */
  readonly signer?: KeyObject | undefined;
  /** The name of what another tool names by a tag alone, or not at all when it is the only one. */
  readonly as?: Reference | undefined;
}

/**
 * Opens a bundle for use: its index says what its lock says, and no other reader can find other names in it. That costs no
 * reading of content. An archive of another tool has no lock, and nothing is compared.
 * @throws AirgapError `bundle-invalid`; `signature` when it is not signed by the key; `file`
 */
export async function openForUse(path: string, { signer, as }: OpenOptions = {}): Promise<Bundle> {
  if (signer !== undefined) return openSigned(path, signer);
  const bundle = await openBundle(path, undefined, as);
  const [first, ...others] = [...checkAgreement(bundle), ...bundle.structure()];
  if (first === undefined) return bundle;
  await bundle.close();
  const more = others.length === 0 ? '' : `, and ${others.length} more like it`;
  throw new AirgapError('bundle-invalid', `${path} contradicts itself: ${first.message}${more}`, {
    hint: 'it was changed after it was written: helm airgap verify lists everything, and a new copy or bundle helps',
  });
}
