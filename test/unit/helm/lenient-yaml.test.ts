import { describe, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { toStrictYaml } from '../../../src/helm/lenient-yaml.ts';
import fc from '../../support/property.ts';

const read = (text: string): unknown => splitDocuments(`---\n# Source: t\n${text}`)[0]?.object;

describe('manifests that Helm accepts and the specification does not', () => {
  it.each<[string, string, unknown]>([
    [
      'brackets that continue without indentation',
      'spec:\n  args: ["a",\n"b"]\n  image: x:1\n',
      { spec: { args: ['a', 'b'], image: 'x:1' } },
    ],
    [
      'brackets indented with tabs',
      'args: [\n\t"a",\n\t{b: [c]}\n]\nimage: x:1\n',
      { args: ['a', { b: ['c'] }], image: 'x:1' },
    ],
    [
      'quotes that continue without indentation',
      "a:\n  b: \"x\ny\"\n  c: 'it''s\n[z'\nimage: x:1\n",
      { a: { b: 'x y', c: "it's [z" }, image: 'x:1' },
    ],
    ['an escaped line break', 'a:\n  b: "x\\\ny \\" z\n"\nc: 1\n', { a: { b: 'xy " z ' }, c: 1 }],
    ['a comment at the end of a quote', 'image: "x:1"#y\nb: 2\n', { image: 'x:1', b: 2 }],
    [
      'scripts next to these',
      'a: |\n  x="[{\n   y\nl:\n  - |\n    it\'s {\n  - args: ["a",\n"b"]\n',
      { a: 'x="[{\n y\n', l: ["it's {\n", { args: ['a', 'b'] }] },
    ],
    ['a plain scalar with an apostrophe', 'a: it\'s [not] "open\nb: [\nc]\n', { a: 'it\'s [not] "open', b: ['c'] }],
    ['a comment with a quote', "a: 1 # it's [\nb: [\nc]\n", { a: 1, b: ['c'] }],
  ])('are read as Helm does: %s', (_, text, value) => {
    expect(parseDocument(text).errors, 'a case that the parser accepts tests nothing').not.toEqual([]);
    expect(read(text)).toEqual(value);
  });

  it('are not read if Helm refuses them', () => {
    expect(read('a: [b\n')).toBeUndefined();
    expect(read('a: "b\n')).toBeUndefined();
    expect(read('a: b: c\n')).toBeUndefined();
  });
});

describe('strictly', () => {
  const json = fc.dictionary(
    fc.string({ minLength: 1 }),
    fc.letrec((tie) => ({
      value: fc.oneof(
        fc.string(),
        fc.stringMatching(/^[\w '"#:{}[\]|>\n-]{0,40}$/),
        fc.integer(),
        fc.array(tie('value'), { maxLength: 3 }),
      ),
    })).value,
    { maxKeys: 4 },
  );

  it('does not change the meaning of valid YAML', () => {
    fc.assert(
      fc.property(
        json,
        fc.constantFrom('PLAIN', 'QUOTE_DOUBLE', 'BLOCK_LITERAL') as fc.Arbitrary<'PLAIN'>,
        (value, style) => {
          const text = stringify(value, { defaultStringType: style, defaultKeyType: 'QUOTE_DOUBLE', lineWidth: 20 });
          expect(parseDocument(toStrictYaml(text)).toJS()).toEqual(parseDocument(text).toJS());
        },
      ),
    );
  });
});
