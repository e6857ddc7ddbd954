import type { PlaceFound } from '../../discovery/index.ts';
import type { Proof } from '../../overrides/proof.ts';
import type { Cluster } from './cluster.ts';
import { type Proved, restlessIn } from './extension.ts';
import { addPins, type PinOptions } from './pins.ts';
import { addPullSecret } from './pull-secrets.ts';

/** Settings requested in addition to private names. */
export interface Completion {
  /** Name of the image pull secret for pods. */
  readonly pullSecret?: string;
  /** Digests of private references; if absent, nothing is pinned. */
  readonly digests?: PinOptions['digests'];
}

/** Access to renders and references while settings are tried. */
type TrialAccess = Omit<PinOptions, 'restless' | 'digests'>;

/** Options for adding a pull secret and digests. */
export interface CompletionOptions extends Completion, TrialAccess {
  /** Release namespace. */
  readonly namespace: string;
  readonly cluster: Cluster;
  /** References in each render, and images that operators choose. */
  readonly places: readonly (readonly PlaceFound[])[];
}

/** Overrides with pull secret and digests, and where these could not be added. */
export interface Completed extends Proved {
  /** Overrides without digests. */
  readonly unpinned: Proved;
  readonly found: Pick<Proof, 'pullSecretBy' | 'withoutPullSecret' | 'pullSecretUnknown' | 'pins'>;
}

/** Adds pull secret and digests to proved overrides without invalidating the proof. */
export async function complete(proved: Proved, options: CompletionOptions): Promise<Completed> {
  const { pullSecret, digests, namespace, render } = options;
  const restless = restlessIn(proved, render);
  const withSecret =
    pullSecret === undefined
      ? undefined
      : await addPullSecret(proved, { ...options, restless, secret: pullSecret, namespace });
  const secretly = withSecret ?? proved;
  const pinned = digests === undefined ? undefined : await addPins(secretly, { ...options, restless, digests });
  const { base, settings, renders } = pinned ?? secretly;
  return {
    base,
    settings,
    renders,
    unpinned: secretly,
    found: {
      ...(withSecret === undefined
        ? {}
        : {
            pullSecretBy: withSecret.by,
            withoutPullSecret: withSecret.without,
            pullSecretUnknown: withSecret.unknown,
          }),
      ...(pinned === undefined ? {} : { pins: pinned.pins }),
    },
  };
}
