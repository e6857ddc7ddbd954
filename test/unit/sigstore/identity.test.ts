import { describe, expect, it } from 'vitest';
import { identityRuleText, matchesIdentity, type TextRule, textRuleProblem } from '../../../src/sigstore/identity.ts';

const WORKFLOW = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1';
const ISSUER = 'https://token.actions.githubusercontent.com';
const matches = (identity: TextRule, issuer: TextRule, actual = { identity: WORKFLOW, issuer: ISSUER }): boolean =>
  matchesIdentity({ identity, issuer }, actual);

describe('an identity', () => {
  it('must be equal, and its issuer too', () => {
    expect(matches({ exact: WORKFLOW }, { exact: ISSUER })).toBe(true);
    expect(matches({ exact: WORKFLOW }, { exact: `${ISSUER}/` })).toBe(false);
    expect(matches({ exact: WORKFLOW.slice(0, -1) }, { exact: ISSUER })).toBe(false);
    expect(matches({ exact: WORKFLOW.toUpperCase() }, { exact: ISSUER })).toBe(false);
  });

  it('matches an expression anywhere unless it is anchored, as in cosign', () => {
    expect(matches({ pattern: 'github\\.com/acme/' }, { pattern: 'githubusercontent' })).toBe(true);
    expect(matches({ pattern: '^github' }, { exact: ISSUER })).toBe(false);
    expect(matches({ pattern: '^https://github\\.com/acme/' }, { exact: ISSUER })).toBe(true);
    const evil = { identity: `https://evil.example/?${WORKFLOW}`, issuer: ISSUER };
    expect(matches({ pattern: 'https://github\\.com/acme/' }, { exact: ISSUER }, evil)).toBe(true);
    expect(matches({ pattern: '^https://github\\.com/acme/' }, { exact: ISSUER }, evil)).toBe(false);
    expect(matches({ pattern: WORKFLOW.slice(0, -3) }, { pattern: '^https://accounts' })).toBe(false);
  });

  it('that a certificate lacks matches nothing', () => {
    expect(matches({ pattern: '.*' }, { pattern: '.*' }, { identity: '', issuer: ISSUER })).toBe(false);
    expect(matches({ pattern: '.*' }, { pattern: '' }, { identity: WORKFLOW, issuer: '' })).toBe(false);
  });

  it('is not compared with an expression that is none', () => {
    expect(textRuleProblem({ pattern: '(' })).toContain('"("');
    expect(textRuleProblem({ exact: '(' })).toBeUndefined();
    expect(textRuleProblem({ pattern: '^a' })).toBeUndefined();
  });

  it('is shown with its issuer', () => {
    expect(identityRuleText({ identity: { pattern: '^a' }, issuer: { exact: 'i' } })).toBe('/^a/, issuer i');
  });
});
