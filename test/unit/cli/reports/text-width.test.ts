import { expect, it, vi } from 'vitest';
import fc, { anyCharacter } from '../../../support/property.ts';

const fresh = async () => {
  vi.resetModules();
  return import('../../../../src/cli/reports/text-width.ts');
};

it('is exact for ASCII at once, and for all texts after loading', async () => {
  const { textWidth, loadWidths } = await fresh();
  expect(textWidth('quay.io/a:1')).toBe(11);
  await loadWidths(['plain', 'also plain']);
  expect(textWidth('\u5bcc\u58eb\u5c71')).toBe(6);
  expect(textWidth('cafe\u0301')).toBe(10);
  await loadWidths(['plain', 'caf\u00e9']);
  expect(textWidth('cafe\u0301')).toBe(4);
  expect(textWidth('\u{1f469}\u200d\u{1f4bb}')).toBe(2);
});

it('is an upper bound before', async () => {
  const before = await fresh();
  const { default: stringWidth } = await import('string-width');
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter, maxLength: 20 }), (text) => {
      expect(before.textWidth(text)).toBeGreaterThanOrEqual(stringWidth(text));
    }),
  );
});
