import { expect } from 'vitest';

/**
 * A fact in a text for people: a name, host, digest, number or flag. Tests assert facts, so that the sentences around them can
 * change.
 */
export type Fact = string | RegExp;

function has(text: string, fact: Fact): boolean {
  return typeof fact === 'string' ? text.includes(fact) : fact.test(text);
}

/** Lines of a text that have all these facts, in any order. */
export function linesWith(text: string, ...facts: readonly Fact[]): string[] {
  return text.split('\n').filter((line) => facts.every((fact) => has(line, fact)));
}

/** Fails unless one line of a text has all these facts, in any order. */
export function expectLine(text: string, ...facts: readonly Fact[]): void {
  expect(linesWith(text, ...facts).length, `no line has ${facts.join(' and ')}:\n${text}`).toBeGreaterThan(0);
}

/** Fails unless a text has all these facts, in any order and on any lines. */
export function expectFacts(text: string, ...facts: readonly Fact[]): void {
  const lacking = facts.filter((fact) => !has(text, fact)).map(String);
  expect(lacking, `lacking in:\n${text}`).toEqual([]);
}

/** The warnings among the lines of stderr. */
export function warningsOf({ stderr }: { readonly stderr: string }): string[] {
  return linesWith(stderr, /^warning: /i);
}

/** Fails unless one warning has all these facts. */
export function expectWarning(run: { readonly stderr: string }, ...facts: readonly Fact[]): void {
  expectLine(warningsOf(run).join('\n') || '(no warning)', ...facts);
}
