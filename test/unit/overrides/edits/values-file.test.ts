import { describe, expect, test } from 'vitest';
import { layOver } from '../../../../src/overrides/edits/values-file.ts';

const change = (text: string, overlay: object) => layOver(text, overlay as Record<string, unknown>, 'values.yaml');

describe('layOver', () => {
  test('changes scalars where they are, and keeps comments, quotes and order', () => {
    const text = `# head
image:
  # the registry
  registry: docker.io   # trailing
  repository: "library/nginx"
  tag: '1'

replicas: 1 # how many
`;
    expect(change(text, { image: { registry: 'r.example:5000', repository: 'm/library/nginx', tag: '2' } })).toEqual({
      text: text
        .replace('docker.io', 'r.example:5000')
        .replace('"library/nginx"', '"m/library/nginx"')
        .replace("'1'", "'2'"),
    });
  });

  test('adds keys below the key of their mapping, and top-level keys at the end', () => {
    const text = 'image:\n  # the name\n  name: a\n\n# last\nx: 1';
    expect(change(text, { image: { registry: 'r' }, global: { imageRegistry: 'r', list: [{ name: 'a' }] } })).toEqual({
      text: 'image:\n  registry: r\n  # the name\n  name: a\n\n# last\nx: 1\nglobal:\n  imageRegistry: r\n  list:\n    - name: a\n',
    });
  });

  test('fills empty values and flow mappings', () => {
    expect(
      change('a: # none\nb: {}\nc: {x: 1}\nd: ~\ne:\n', {
        a: 'r',
        b: { k: 'v' },
        c: { z: 'no' },
        d: true,
        e: { f: 1 },
      }),
    ).toEqual({ text: 'a: r # none\nb: { k: v }\nc: { x: 1, z: "no" }\nd: true\ne: { f: 1 }\n' });
  });

  test('changes items of lists in place, and replaces lists of another shape', () => {
    const text = 'l:\n  # first\n  - name: a # x\n    image: b\n  - c\n\n# after\nm: [a]\no:\n- a\n- b\nz: 1\n';
    const overlay = { l: [{ name: 'a', image: 'r/b' }, 'c'], m: ['a', 'b'], o: [{ name: 'x', v: 'w' }] };
    expect(change(text, overlay)).toEqual({
      text: 'l:\n  # first\n  - name: a # x\n    image: r/b\n  - c\n\n# after\nm: [ a, b ]\no:\n- name: x\n  v: w\nz: 1\n',
    });
  });

  test('keeps Windows line ends, and replaces block scalars', () => {
    expect(change('a:\r\n  b: 1\r\nc: |\r\n  x\r\nd: 1\r\n', { a: { k: 'r' }, c: 'w', e: 2 })).toEqual({
      text: 'a:\r\n  k: r\r\n  b: 1\r\nc: w\r\nd: 1\r\ne: 2\r\n',
    });
  });

  test('leaves texts that YAML 1.1 reads otherwise as texts', () => {
    const { text } = change('a: x\nb: y\n', { a: 'on', b: '0x10' });
    expect(text).toBe('a: "on"\nb: "0x10"\n');
  });

  test('writes a file anew that has anchors at the place', () => {
    const text = '# head\na: &a\n  image: x\nb: *a\nc: {<<: *a}\n';
    const changed = change(text, { a: { image: 'r/x' } });
    expect(changed.rewritten).toContain('line 3');
    expect(changed.text).toBe('a:\n  image: r/x\nb:\n  image: x\nc:\n  image: x\n');
    // Elsewhere they do not matter: an alias is replaced.
    expect(change(text, { b: 'w', d: 1 })).toEqual({ text: '# head\na: &a\n  image: x\nb: w\nc: {<<: *a}\nd: 1\n' });
  });

  test('writes a file anew of several documents or equal keys only where it has to', () => {
    expect(change('a: 1\na: 2\n', { a: 3 })).toEqual({ text: 'a: 1\na: 3\n' });
    expect(change('a: 1\n---\nb: 1\n', { c: 3 })).toMatchObject({
      text: 'a: 1\nc: 3\n',
      rewritten: expect.any(String),
    });
  });

  test('accepts empty files and nothing to lay over', () => {
    expect(change('', { a: 1 })).toEqual({ text: 'a: 1\n' });
    expect(change('# only a comment\n', { a: { b: 1 } })).toEqual({ text: '# only a comment\na:\n  b: 1\n' });
    expect(change('a: 1\n', {})).toEqual({ text: 'a: 1\n' });
    expect(change('{a: {b: 1}}\n', { a: { c: 2 } })).toEqual({ text: '{ a: { b: 1, c: 2 } }\n' });
  });

  test('keeps the types that YAML 1.1 gives to what is written anew', () => {
    expect(change('f: {i: a, on: yes, n: 010, v: "no", o: 0o10, t: 1:30, d: 2001-01-01}\n', { f: { i: 'b' } })).toEqual(
      {
        text: 'f: { i: b, "true": true, "false": 8, v: "no", o: 8, t: "1:30", d: "2001-01-01" }\n',
      },
    );
    const anchored = change('a: &a {i: x}\nb: no\nc: *a\nd: 0777\non: Off\n', { a: { i: 'z' } });
    expect(anchored.text).toBe('a:\n  i: z\nb: false\nc:\n  i: x\nd: 511\n"true": false\n');
    expect(change('on:\n  i: x # why\n', { true: { i: 'z' } }).text).toBe('on:\n  i: z # why\n');
  });

  test('refuses what Helm cannot read', () => {
    expect(() => change('a: [\n', { a: 1 })).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
    const large = 'a: &a {b: 12345678901234567890}\nc: *a\n';
    expect(() => change(large, { a: { d: 1 } })).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
    const beside = 'a: {i: x, b: 12345678901234567890}\n';
    expect(() => change(beside, { a: { i: 'y' } })).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
  });
});
