import type { LocatedReference } from '../inventory/finding.ts';
import { findNondeterministicFields, type ProvenOverrides } from './add-settings.ts';
import type { CrdValidator } from './crd-validator.ts';
import { addPins, type PinOptions } from './pins.ts';
import type { Proof } from './proof.ts';
import { addPullSecret } from './pull-secrets.ts';

/** Settings requested in addition to private names. */
export interface Additions {
  /** Name of the image pull secret for pods. */
  readonly pullSecret?: string;
  /** Digests of private references; if absent, nothing is pinned. */
  readonly digests?: PinOptions['digests'];
}

/** Access to renders and references while settings are tried. */
type TrialAccess = Omit<PinOptions, 'nondeterministicFields' | 'digests'>;

/** Options for adding a pull secret and digests. */
export interface AdditionOptions extends Additions, TrialAccess {
  /** Release namespace. */
  readonly namespace: string;
  readonly crdValidator: CrdValidator;
  /** References in each render, and images that operators choose. */
  readonly references: readonly (readonly LocatedReference[])[];
}

/** Overrides with pull secret and digests, and where these could not be added. */
export interface OverridesWithAdditions extends ProvenOverrides {
  /** Overrides without digests. */
  readonly unpinned: ProvenOverrides;
  readonly proof: Pick<Proof, 'pullSecretBy' | 'withoutPullSecret' | 'pullSecretUnknown' | 'pins'>;
}

/** Adds pull secret and digests to proved overrides without invalidating the proof. */
export async function addPullSecretAndPins(
  proved: ProvenOverrides,
  options: AdditionOptions,
): Promise<OverridesWithAdditions> {
  const { pullSecret, digests, namespace, render } = options;
  const nondeterministicFields = findNondeterministicFields(proved, render);
  const withSecret =
    pullSecret === undefined
      ? undefined
      : await addPullSecret(proved, { ...options, nondeterministicFields, secret: pullSecret, namespace });
  const unpinned = withSecret ?? proved;
  const pinned =
    digests === undefined ? undefined : await addPins(unpinned, { ...options, nondeterministicFields, digests });
  const { base, settings, renders } = pinned ?? unpinned;
  return {
    base,
    settings,
    renders,
    unpinned,
    proof: {
      ...(withSecret === undefined
        ? {}
        : {
            pullSecretBy: withSecret.setBy,
            withoutPullSecret: withSecret.podsWithoutSecret,
            pullSecretUnknown: withSecret.unknownImages,
          }),
      ...(pinned === undefined ? {} : { pins: pinned.pins }),
    },
  };
}
