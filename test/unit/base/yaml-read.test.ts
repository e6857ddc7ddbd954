import { describe, expect, it } from 'vitest';
import { readYaml, readYamlDocument, readYamlDocuments } from '../../../src/base/yaml-read.ts';

/** Texts that exhaust the parser or take quadratic time. */
const HARD: readonly (readonly [string, string])[] = [
  ['keys in keys', '? '.repeat(30_000)],
  ['a few keys in keys', '? '.repeat(150)],
  ['lists in lists', '- '.repeat(30_000)],
  ['anchors in a row', `a: ${'&a '.repeat(30_000)}x`],
  ['tags in a row', `a: ${'!!binary '.repeat(20_000)}x`],
  ['open brackets', '['.repeat(20_000)],
  ['open braces', '{"a":'.repeat(8000)],
  ['errors', '{}'.repeat(20_000)],
  ['keys', Array.from({ length: 15_000 }, (_, i) => `k${i}: 1\n`).join('')],
  ['levels', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:\n`).join('')],
  ['dashes on lines of their own', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}-\n`).join('')],
];

describe('untrusted YAML', () => {
  it.each(HARD)('is read or refused in time: %s', (_, text) => {
    const started = performance.now();
    const documents = readYamlDocuments(text);
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) if (document.errors.length === 0) document.toJS({ maxAliasCount: 1000 });
    // Linear: 0.2 s at most. Quadratic: minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('reports errors in the document, or throws for a value', () => {
    expect(readYamlDocument('a: [').errors).toHaveLength(1);
    expect(() => readYaml('a: [')).toThrow();
    expect(readYaml('a: 1\na: 2')).toEqual({ a: 2 });
  });

  it('may contain long rows of words, dashes in scalars, and nested lists', () => {
    const dashes = '- '.repeat(1000);
    expect(readYaml(`a: "${dashes}"\nb: |\n  ${dashes}\n`)).toBeDefined();
    expect(readYaml(`${'- '.repeat(50)}x`)).toBeDefined();
  });

  it('of an empty text is a list of at most one document', () => {
    expect(readYamlDocuments('').length).toBeLessThan(2);
    expect(readYamlDocuments('a: 1\n---\nb: 2\n')).toHaveLength(2);
  });
});
