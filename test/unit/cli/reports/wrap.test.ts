import { beforeAll, describe, expect, it } from 'vitest';
import { loadWidths, textWidth } from '../../../../src/cli/reports/text-width.ts';
import { longestPart, wrapText } from '../../../../src/cli/reports/wrap.ts';
import fc, { anyCharacter } from '../../../support/property.ts';

beforeAll(() => loadWidths(['é']));

/** Lines break at spaces, which are left out there. */
const withoutSpaces = (text: string): string => text.replaceAll(' ', '');

describe('wrapText', () => {
  it.each([
    ['short', 10, ['short']],
    ['', 10, ['']],
    ['at a space', 5, ['at a', 'space']],
    ['spaces before marks: a/b c', 9, ['spaces', 'before', 'marks:', 'a/b c']],
    ['a space right after the line', 7, ['a space', 'right', 'after', 'the', 'line']],
    ['quay.io/team/web:1.0', 14, ['quay.io/team/', 'web:1.0']],
    ['example.org/init:1.36-alpine', 20, ['example.org/init:', '1.36-alpine']],
    ['spec.template.spec.image', 12, ['spec.', 'template.', 'spec.image']],
    ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
  ])('breaks %j at %i columns', (text, width, lines) => {
    expect(wrapText(text, width)).toEqual(lines);
  });

  it('keeps wide characters and combining marks whole', () => {
    expect(wrapText('日本語日本語', 5)).toEqual(['日本', '語日', '本語']);
    expect(wrapText('e\u0301e\u0301e\u0301', 2)).toEqual(['e\u0301e\u0301', 'e\u0301']);
    expect(wrapText('日', 1)).toEqual(['日']);
  });

  it('keeps every character but spaces, in lines that fit', () => {
    const character = fc.oneof(fc.constantFrom(...' /,:.@=-ab日e\u0301'), anyCharacter);
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 80 }), fc.integer({ min: 2, max: 30 }), (text, width) => {
        const lines = wrapText(text, width);
        expect(withoutSpaces(lines.join(''))).toBe(withoutSpaces(text));
        // A character of several code points may be wider than the line.
        for (const line of lines)
          expect(textWidth(line) <= width || [...SEGMENTER.segment(line)].length === 1).toBe(true);
      }),
    );
  });
});

const SEGMENTER = new Intl.Segmenter();

it('the longest part is between spaces, or between marks', () => {
  expect(longestPart('a bcd ef', 'spaces')).toBe(3);
  expect(longestPart('a/bcd:ef gh', 'spaces')).toBe(8);
  expect(longestPart('a/bcd:ef gh', 'marks')).toBe(4);
  expect(longestPart('', 'marks')).toBe(0);
});
