import type { Digest } from '../../oci/digest.ts';
import type { Inspection } from '../../workflows/inspect/inspect.ts';

/** Who signed a bundle, by fingerprints of keys. */
export interface Signers {
  /** Keys whose signatures were required and verified. */
  readonly verified: readonly Digest[];
  /** What further signatures say of their key; undefined if another tool wrote one. Nobody has verified them. */
  readonly claimed: readonly (Digest | undefined)[];
}

/** Returns who signed a bundle, for the table of `inspect` and the report. */
export function signersOf({ signedBy = [], signatures = [] }: Pick<Inspection, 'signedBy' | 'signatures'>): Signers {
  const claims = signatures.map(({ fingerprint }) => fingerprint);
  return {
    verified: signedBy,
    claimed: claims.filter((claim) => claim === undefined || !signedBy.includes(claim)),
  };
}
