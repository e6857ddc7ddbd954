import * as z from 'zod';

/**
 * State of a place in a render that names an image, or looks as if it did. Each place is in exactly one. Findings, inventory, lock file,
 * proofs and reports use these words:
 * - `private`: proved to be the target's name, in the string that Kubernetes or the program reads;
 * - `public-on-purpose`: the user said that it stays (`--allow-images`);
 * - `missing`: an image whose registry says that it does not exist;
 * - `unmapped`: still public, and no value moves it;
 * - `not-known`: looks like an image, or depends on what was not seen. Never counted as proved.
 */
export type ReferenceState = 'private' | 'public-on-purpose' | 'missing' | 'unmapped' | 'not-known';

/** Something that was not understood or not looked at, and may hide an image. */
export const notKnownSchema = z.object({
  state: z.literal('not-known' satisfies ReferenceState),
  /**
   * What it is: a `name` of an image or registry in a text; an `operator`, whose image may start others; a `kind` of resources; a
   * `definition` of such a kind.
   */
  what: z.enum(['name', 'operator', 'kind', 'definition']),
  /** The text, the operator's image, or the kind. */
  name: z.string(),
  /** Chart or manifests (`Location.chart`); absent if it belongs to none. */
  chart: z.string().optional(),
  profile: z.string().optional(),
  /** Template and field, if it is at one. */
  template: z.string().optional(),
  path: z.string().optional(),
  /** Reason why it is not known. */
  why: z.string(),
  /** What would settle it. */
  settle: z.string().optional(),
});

export type NotKnown = Readonly<z.infer<typeof notKnownSchema>>;
