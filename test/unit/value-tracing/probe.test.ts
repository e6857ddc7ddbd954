import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';
import type { Location } from '../../../src/inventory/finding.ts';
import { leavesOf } from '../../../src/value-tracing/leaves.ts';
import { markLeaves } from '../../../src/value-tracing/markers.ts';
import { segmentsOf } from '../../../src/value-tracing/name-segments.ts';
import { nestedText, referenceTemplatesOf } from '../../../src/value-tracing/probe.ts';

it('many references in one text are searched once', () => {
  const written = 'reg.io/a/b:1';
  const values = { text: `${written} `.repeat(1500) };
  const segments = leavesOf(values).flatMap((leaf) => segmentsOf(leaf, [written]));
  const render = (text: string) => ({
    values,
    documents: splitDocuments(`---\n# Source: a\nkind: A\nspec: ${JSON.stringify(text)}\n`),
  });
  const marked = String(markLeaves(segments)[0]?.value);
  const location: Location = {
    ...{ chart: 'a', profile: 'default', template: 'a', document: 0, kind: 'A', name: 'a' },
    path: 'spec',
    how: 'custom-resource',
    written,
  };
  const [first, second] = referenceTemplatesOf([location, location], render(values.text), {
    segments,
    documents: render(marked).documents,
  });
  expect(first).toHaveLength(1500);
  expect(second?.[0]).toBe(first?.[0]);
});

const encode = (text: string): string => Buffer.from(text).toString('base64');

describe('the text at a location inside a field', () => {
  it('is found through base64, YAML documents and JSON, in any order', () => {
    expect(nestedText(encode('a:\n  b.c: [x, quay.io/a/b:1]\n'), 'base64 > yaml:a["b.c"][1]')).toBe('quay.io/a/b:1');
    expect(nestedText('x: 1\n---\nimage: app\n', 'yaml[1]:image')).toBe('app');
    expect(nestedText('{"config": "image: app\\ntag: 1.2\\n"}', 'json:config > yaml:tag')).toBe('1.2');
  });

  it('is the enclosing text if a step is a line or a word', () => {
    expect(nestedText('run: |\n  pull app\n  pull web\n', 'yaml:run > line 2 word 2')).toBe('pull app\npull web\n');
    expect(nestedText('--image=app', 'word 1')).toBe('--image=app');
  });

  it('is undefined if the text does not have that structure', () => {
    expect(nestedText('a: 1\n', 'yaml:b.c')).toBeUndefined();
    expect(nestedText('a: [unclosed\n', 'yaml[3]:a')).toBeUndefined();
    expect(nestedText('a: 1\n', 'yaml:b > base64')).toBeUndefined();
  });
});
