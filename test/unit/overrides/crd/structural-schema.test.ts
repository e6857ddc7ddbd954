import { describe, expect, it } from 'vitest';
import { type StructuralSchema, schemaViolations } from '../../../../src/overrides/crd/structural-schema.ts';

const messages = (schema: StructuralSchema, value: unknown): string[] =>
  schemaViolations(schema, value).map(({ path, message }) => `${path} ${message}`.trim());

describe('a structural schema', () => {
  it('rejects wrong types, and treats null as an absent field', () => {
    const list = { type: 'array', items: { type: 'string' } };
    expect(messages(list, ['a'])).toEqual([]);
    expect(messages(list, ['a', { name: 'a' }])).toEqual([expect.stringMatching(/^\[1\] .*string$/)]);
    expect(messages({ type: 'integer' }, 1.5)).toHaveLength(1);
    expect(messages({ type: 'boolean' }, 'true')).toHaveLength(1);
    expect(messages({ type: 'object', properties: { a: { type: 'string' } } }, { a: null })).toEqual([]);
    const port = { 'x-kubernetes-int-or-string': true };
    expect([messages(port, 80), messages(port, '80%'), messages(port, [])].map((found) => found.length)).toEqual([
      0, 0, 1,
    ]);
  });

  it('rejects missing and unknown fields, unless unknown fields are preserved', () => {
    const object = { type: 'object', required: ['a'], properties: { a: { type: 'string' } } };
    expect(messages(object, {})).toEqual([expect.stringMatching(/^a /)]);
    expect(messages(object, { a: 'x', b: 1 })).toEqual([expect.stringMatching(/^b /)]);
    expect(messages({ ...object, 'x-kubernetes-preserve-unknown-fields': true }, { a: 'x', b: 1 })).toEqual([]);
    expect(messages({ ...object, additionalProperties: { type: 'number' } }, { a: 'x', b: 'y' })).toEqual([
      expect.stringMatching(/^b .*number$/),
    ]);
    const resource = { ...object, 'x-kubernetes-embedded-resource': true };
    expect(messages(resource, { apiVersion: 'v1', kind: 'Pod', metadata: {}, a: 'x' })).toEqual([]);
  });

  it('checks enumerations, lengths, numbers, patterns and list types', () => {
    expect(messages({ enum: ['a', 'b'] }, 'c')).toHaveLength(1);
    expect(messages({ type: 'string', maxLength: 2 }, 'abc')).toHaveLength(1);
    expect(messages({ type: 'string', pattern: '^[^:]+$' }, 'r.example:5000/a')).toHaveLength(1);
    expect(messages({ type: 'number', minimum: 1, maximum: 3 }, 4)).toHaveLength(1);
    expect(messages({ type: 'array', maxItems: 1 }, [1, 2])).toHaveLength(1);
    expect(messages({ type: 'array', 'x-kubernetes-list-type': 'set' }, ['a', 'a'])).toHaveLength(1);
    const map = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
    expect(messages(map, [{ name: 'a', x: 1 }, { name: 'a' }])).toHaveLength(1);
    expect(messages(map, [{ name: 'a' }, { name: 'b' }])).toEqual([]);
  });

  it('combines schemas', () => {
    const alternatives = [{ required: ['a'] }, { required: ['b'] }];
    const object = { type: 'object', additionalProperties: true };
    expect(messages({ ...object, oneOf: alternatives }, { a: 1 })).toEqual([]);
    expect(messages({ ...object, oneOf: alternatives }, { a: 1, b: 1 })).toHaveLength(1);
    expect(messages({ ...object, anyOf: alternatives }, {})).toHaveLength(1);
    expect(messages({ ...object, allOf: alternatives }, { a: 1 })).toEqual([expect.stringMatching(/^b /)]);
    expect(messages({ ...object, not: alternatives[0] }, { a: 1 })).toHaveLength(1);
  });

  it('ignores patterns that time out or are invalid', () => {
    const text = `${'a'.repeat(60)}!`;
    expect(messages({ type: 'string', pattern: '^(a+)+$' }, text)).toEqual([]);
    expect(messages({ type: 'string', pattern: '(' }, text)).toEqual([]);
  });
});
