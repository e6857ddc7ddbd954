import { expect, test } from 'vitest';
import { applyEdits } from '../../../src/base/text-edits.ts';

test('edits apply in the order of the text, and of those that overlap the first', () => {
  const edits = [
    { start: 4, end: 6, text: 'E' },
    { start: 0, end: 2, text: 'A' },
    { start: 1, end: 5, text: 'no' },
    { start: 4, end: 5, text: 'no' },
  ];
  expect(applyEdits('abcdefg', edits)).toBe('AcdEg');
});

test('insertions are kept beside a replacement, in the order given', () => {
  const edits = [
    { start: 1, end: 3, text: '' },
    { start: 1, end: 1, text: '1' },
    { start: 3, end: 3, text: '3' },
    { start: 1, end: 1, text: '2' },
  ];
  expect(applyEdits('abcd', edits)).toBe('a123d');
});
