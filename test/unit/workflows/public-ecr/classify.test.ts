import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import retired from '../../../../src/ecr/retired-aliases.json' with { type: 'json' };
import { parseReference } from '../../../../src/oci/reference.ts';
import { classify } from '../../../../src/workflows/public-ecr/classify.ts';

/** The ground truth: made by hand from the pages of the publishers, not from the rules. */
const rows = readFileSync(join(import.meta.dirname, '../../../../fixtures/public-ecr/truth.tsv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t') as [reference: string, found: string, equivalent: string, reason: string]);

test('the ground truth has all classes, and each reference once', () => {
  expect(rows.length).toBeGreaterThanOrEqual(40);
  expect(new Set(rows.map(([reference]) => reference)).size).toBe(rows.length);
  expect(new Set(rows.map(([, found]) => found))).toEqual(new Set(['already', 'equivalent', 'retired', 'none']));
});

test.each(rows)('%s is %s', (reference, found, equivalent) => {
  const classified = classify(parseReference(reference));
  expect({ found: classified.class, equivalent: classified.equivalent ?? '' }).toEqual({ found, equivalent });
  expect(classified.rule !== undefined).toBe(found === 'equivalent');
  expect(classified.retired !== undefined).toBe(found === 'retired');
});

test('a rule and a retirement name their sources', () => {
  expect(classify(parseReference('hashicorp/vault:1')).rule).toMatchObject({
    from: 'docker.io/hashicorp/vault',
    to: 'hashicorp/vault',
    source: expect.stringContaining('https://github.com/hashicorp/vault/'),
  });
  expect(classify(parseReference('bitnami/redis:1')).retired).toEqual({
    alias: 'bitnami',
    since: '2026-06-10',
    source: 'https://github.com/bitnami/charts/issues/36537',
  });
  for (const { since, source } of retired) {
    expect(since).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(new URL(source).protocol).toBe('https:');
  }
});
