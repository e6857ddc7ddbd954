import { describe, expect, it } from 'vitest';
import { nestedText } from '../../../src/value-tracing/nested-text.ts';

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
