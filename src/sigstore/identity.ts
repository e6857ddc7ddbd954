import { quoted } from '../base/printable.ts';
import { matchingTexts, patternProblem } from '../base/user-pattern.ts';

/** A text that must be equal, or a regular expression that must match somewhere in it, as in cosign and sigstore-go. */
export type TextRule = { readonly exact: string } | { readonly pattern: string };

/** Who must have signed: the identity in the certificate (a mail address or the URL of a workflow) and who vouched for it. */
export interface IdentityRule {
  readonly identity: TextRule;
  readonly issuer: TextRule;
}

/** Identity and OIDC issuer in a verified certificate. */
export interface CertificateIdentity {
  readonly identity: string;
  readonly issuer: string;
}

/** A verified keyless signature. */
export interface KeylessSigner extends CertificateIdentity {
  /** Who vouches for the time: the transparency log, or only a timestamp authority. */
  readonly time: 'log' | 'authority';
}

/** Reports whether a verified identity is the required one. @throws AirgapError `usage` for an expression that takes too long */
export function matchesIdentity({ identity, issuer }: IdentityRule, actual: CertificateIdentity): boolean {
  return matchesText(issuer, actual.issuer) && matchesText(identity, actual.identity);
}

function matchesText(rule: TextRule, text: string): boolean {
  // A certificate without the field must not match an expression such as `.*`.
  if (text === '') return false;
  return 'exact' in rule ? rule.exact === text : matchingTexts(rule.pattern, [text]).length > 0;
}

/** Returns why a rule cannot be used; undefined if it can. An expression that matches the empty text would accept anyone. */
export function textRuleProblem(rule: TextRule): string | undefined {
  if ('exact' in rule) return undefined;
  return patternProblem(rule.pattern);
}

/** Formats a rule for messages. */
export function identityRuleText({ identity, issuer }: IdentityRule): string {
  return `${textRuleText(identity)}, issuer ${textRuleText(issuer)}`;
}

function textRuleText(rule: TextRule): string {
  return 'exact' in rule ? rule.exact : `/${rule.pattern}/`;
}

/** Formats a verified identity for messages. */
export function identityText({ identity, issuer }: CertificateIdentity): string {
  return `${quoted(identity)}, issuer ${quoted(issuer)}`;
}
