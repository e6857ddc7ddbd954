import type { Proof } from '../proof/proof.ts';
import { type Relocation, trialContext } from '../proof/relocation.ts';
import type { ProvenOverrides } from '../settings/accepted-settings.ts';
import { addPins, type PinOptions } from './pins.ts';
import { addPullSecret } from './pull-secret.ts';

/** Settings requested in addition to private names. */
export interface Additions {
  /** Name of the image pull secret for pods. */
  readonly pullSecret?: string | undefined;
  /** Digests of private references; if absent, nothing is pinned. */
  readonly digests?: PinOptions['digests'] | undefined;
}

/** Overrides with pull secret and digests, and where these could not be added. */
export interface OverridesWithAdditions extends ProvenOverrides {
  /** Overrides without digests. */
  readonly unpinned: ProvenOverrides;
  readonly proof: Pick<Proof, 'pullSecretBy' | 'withoutPullSecret' | 'pullSecretUnknown' | 'pins'>;
}

/**
 * Adds pull secret and digests to proved overrides without invalidating the proof.
 * @param namespace release namespace
 */
export async function addPullSecretAndPins(
  relocation: Relocation,
  proved: ProvenOverrides,
  { pullSecret, digests }: Additions,
  namespace: string,
): Promise<OverridesWithAdditions> {
  const options = { ...trialContext(relocation, proved), relocation };
  const withSecret =
    pullSecret === undefined ? undefined : await addPullSecret(proved, { ...options, secret: pullSecret, namespace });
  const unpinned = withSecret ?? proved;
  const pinned = digests === undefined ? undefined : await addPins(unpinned, { ...options, digests });
  const { base, settings, renders } = pinned ?? unpinned;
  return {
    base,
    settings,
    renders,
    unpinned,
    proof: {
      pullSecretBy: withSecret?.setBy,
      withoutPullSecret: withSecret?.podsWithoutSecret,
      pullSecretUnknown: withSecret?.unknownImages,
      pins: pinned?.pins,
    },
  };
}
