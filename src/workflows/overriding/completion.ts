import type { PlaceFound } from '../../discovery/index.ts';
import type { Proof } from '../../overrides/proof.ts';
import type { Cluster } from './cluster.ts';
import { type Proved, restlessIn } from './extension.ts';
import { addPins, type PinOptions } from './pins.ts';
import { addPullSecret } from './pull-secrets.ts';

/** What overrides are to bring along beside private names. */
export interface Completion {
  /** The secret that pods are to pull with. */
  readonly pullSecret?: string;
  /** Which digest each private reference has; none is pinned when absent. */
  readonly digests?: PinOptions['digests'];
}

export interface CompletionOptions extends Completion, Omit<PinOptions, 'restless' | 'digests'> {
  /** Where the chart is installed. */
  readonly namespace: string;
  readonly cluster: Cluster;
  /** Where images stand in each of the renders, and which ones operators choose. */
  readonly places: readonly (readonly PlaceFound[])[];
}

/** Overrides with what was asked for besides, and where it could not be done. */
export interface Completed extends Proved {
  /** The same without digests. */
  readonly unpinned: Proved;
  readonly found: Pick<Proof, 'pullSecretBy' | 'withoutPullSecret' | 'pullSecretUnknown' | 'pins'>;
}

/** Adds pull secret and digests to proved overrides; what was proved stays proved. */
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
