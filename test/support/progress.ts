import { expect } from 'vitest';

/** Whether a line tells how far a transfer is. */
export function isProgress(line: string): boolean {
  return /\d of \d/.test(line);
}

/** Fails unless a text tells the facts of a transfer: images and bytes done of the total, rate and time left. */
export function expectProgress(text: string, images: number): void {
  expect(text).toMatch(new RegExp(`\\d+ of ${images} images`));
  expect(text).toMatch(/[\d.]+ [kMG]?B of [\d.]+ [kMG]?B/);
  expect(text).toMatch(/[\d.]+ [kMG]?B\/s/);
  expect(text).toMatch(/\d+ s left/);
}
