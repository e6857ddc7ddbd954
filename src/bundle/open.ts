import { basename } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { type Emit, ignoreEvents } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import { runStep } from '../base/step.ts';
import type { Reference } from '../oci/reference.ts';
import { type Bundle, openBundle } from './reading/bundle.ts';
import { checkSignatures, type RequiredSigner } from './signing/check-signature.ts';
import { checkAgainstInventory } from './verifying/inventory-check.ts';

export interface OpenOptions {
  /** Keys that must all have signed the bundle; default none. */
  readonly signers?: readonly RequiredSigner[] | undefined;
  /** Reference to assume for images that another tool's archive identifies only by tag, or for its only image. */
  readonly as?: Reference | undefined;
  readonly emit?: Emit;
}

/**
 * Opens a bundle and checks, without reading content, that its index matches its inventory and that other tools would
 * not find other names in it. Archives of other tools have no inventory and are not checked.
 * @throws AirgapError `bundle-invalid`; `signature` if it is not signed by the keys; `file`
 */
export function openCheckedBundle(
  path: string,
  { emit = ignoreEvents, ...options }: OpenOptions = {},
): Promise<Bundle> {
  return runStep(emit, `opening ${printableLine(basename(path))}`, () => openChecked(path, options));
}

async function openChecked(path: string, { signers = [], as: assumedReference }: OpenOptions): Promise<Bundle> {
  if (signers.length > 0) return openSignedBundle(path, signers);
  const bundle = await openBundle(path, undefined, assumedReference);
  const [first, ...others] = [...checkAgainstInventory(bundle), ...bundle.checkStructure()];
  if (first === undefined) return bundle;
  await bundle.close();
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new AirgapError('bundle-invalid', `${path} is inconsistent: ${first.message}${more}`, {
    hint: 'it was changed after it was written: run helm airgap verify for details, then copy or create it again',
  });
}

/**
 * Opens a bundle that must be signed by all of the keys.
 * @throws AirgapError `signature`, also if it is not a valid bundle; `file`
 */
async function openSignedBundle(path: string, signers: readonly RequiredSigner[]): Promise<Bundle> {
  const bundle = await openBundle(path).catch((error: unknown) => {
    if (!(error instanceof AirgapError) || error.code !== 'bundle-invalid') throw error;
    throw new AirgapError('signature', error.message, { hint: error.hint, cause: error });
  });
  try {
    await checkSignatures(bundle, signers);
    return bundle;
  } catch (error) {
    await bundle.close();
    throw error;
  }
}
