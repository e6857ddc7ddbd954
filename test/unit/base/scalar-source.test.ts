import { describe, expect, it } from 'vitest';
import { isScalar, parseDocument, Scalar, stringify } from 'yaml';
import { scalarText, sourceMapper } from '../../../src/base/scalar-source.ts';
import fc, { anyCharacter } from '../../support/property.ts';

const STYLES = [
  Scalar.PLAIN,
  Scalar.QUOTE_SINGLE,
  Scalar.QUOTE_DOUBLE,
  Scalar.BLOCK_LITERAL,
  Scalar.BLOCK_FOLDED,
] as const;

function scalarOf(yaml: string): Scalar {
  const node = parseDocument(yaml).get('key', true);
  if (!isScalar(node)) throw new Error(`no scalar in ${yaml}`);
  return node;
}

describe('the source mapper of a scalar', () => {
  it('maps every word to its source, in every style', () => {
    const word = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 8 });
    const texts = fc.array(
      fc.oneof(word, fc.constantFrom(' ', '\n', '\n\n', "'", '"', '\\', '📦', '\u00a0', '# ', ': ')),
    );
    fc.assert(
      fc.property(texts, fc.constantFrom(...STYLES), fc.constantFrom(0, 20, 80), (parts, style, lineWidth) => {
        const value = `${parts.join(' ')} MARK/mark:1 ${parts.join('\n')}`.replace(/\r/g, '');
        const scalar = new Scalar(value);
        scalar.type = style;
        const yaml = stringify({ before: 1, key: scalar, after: ['MARK'] }, { lineWidth });
        const node = scalarOf(yaml);
        fc.pre(scalarText(node) === value);
        const start = value.indexOf('MARK/mark:1');
        const span = sourceMapper(yaml, node)?.({ start, end: start + 'MARK/mark:1'.length });
        const changed = `${yaml.slice(0, span?.start)}other${yaml.slice(span?.end)}`;
        expect(scalarText(scalarOf(changed))).toBe(value.replace('MARK/mark:1', 'other'));
      }),
      { numRuns: 300 },
    );
  });

  it('is undefined for a source that does not match the value', () => {
    const node = scalarOf('key: text');
    node.value = 'other';
    expect(sourceMapper('key: text', node)).toBeUndefined();
  });

  it('keeps a number as written', () => {
    const node = scalarOf('key: 1.10');
    expect([scalarText(node), sourceMapper('key: 1.10', node)?.({ start: 0, end: 4 })]).toEqual([
      '1.10',
      { start: 5, end: 9 },
    ]);
  });
});
