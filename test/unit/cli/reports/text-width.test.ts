import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { TextWidths } from '../../../../src/cli/reports/text-width.ts';
import fc, { anyCharacter } from '../../../support/property.ts';

it('is exact for ASCII at once, and for all texts after loading', async () => {
  const widths = new TextWidths();
  expect(widths.width('quay.io/a:1')).toBe(11);
  await widths.load(['plain', 'also plain']);
  expect(widths.width('cafe\u0301')).toBe(10);
  await widths.load(['plain', 'caf\u00e9']);
  expect(widths.width('cafe\u0301')).toBe(4);
  expect(widths.width('\u5bcc\u58eb\u5c71')).toBe(6);
  expect(widths.width('\u{1f469}\u200d\u{1f4bb}')).toBe(2);
});

it('is an upper bound before', () => {
  const widths = new TextWidths();
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 20 }), (text) => {
      expect(widths.width(text)).toBeGreaterThanOrEqual(stringWidth(text));
    }),
  );
});
