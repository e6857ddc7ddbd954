import type { KeyObject } from 'node:crypto';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import { type IdentityRule, identityRuleText } from '../../sigstore/identity.ts';
import type { TrustedRoot } from '../../sigstore/trusted-root.ts';

/** Who must have signed the images that a pattern matches. */
export interface SignatureRule {
  /** Pattern of references, as in `exclude`. */
  readonly images: string;
  /** Public keys and identities; a signature by any of them is enough. */
  readonly keys: readonly KeyObject[];
  readonly identities: readonly IdentityRule[];
  /** Reason why these images need no signature. */
  readonly unsigned?: string;
}

/** Required signatures of images. */
export interface SignaturePolicy {
  /** The first rule whose pattern matches an image decides. An image without a rule fails. */
  readonly rules: readonly SignatureRule[];
  /** Root by which keyless signatures are verified; set if a rule has identities. */
  readonly trustedRoot?: TrustedRoot | undefined;
}

/** Returns a function that finds the rule of an image. */
export function ruleFinder({ rules }: SignaturePolicy): (reference: string) => SignatureRule | undefined {
  const matchers = rules.map((rule) => ({ rule, matches: referenceMatcher(rule.images) }));
  return (reference) => matchers.find(({ matches }) => matches(reference))?.rule;
}

/** Formats who must have signed. */
export function signersText({ keys, identities }: SignatureRule): string {
  const byKey = keys.length === 0 ? [] : [keys.length === 1 ? 'the key' : 'any of the keys'];
  return [...byKey, ...identities.map(identityRuleText)].join(', or by ');
}
