import { expect } from 'vitest';

/** Whether a line is part of the display of a running transfer or of a plain line of progress, not of a summary. */
export function isProgress(line: string): boolean {
  return /\d of \d+ (?:images|tags)|B of [\d.]+ [kMG]?B|\(\d+ %\)|\d left\b|^(?: {2})?and \d+ more$/.test(line);
}

/** Fails unless a text tells the facts of a transfer: images and bytes done of the total, rate and time left. */
export function expectProgress(text: string, images: number): void {
  const facts = [
    new RegExp(`\\b\\d+ of ${images} (?:images|tags)\\b`),
    /[\d.]+ [kMG]?B of [\d.]+ [kMG]?B \(\d+ %\)/,
    /[\d.]+ [kMG]?B\/s/,
    /\d+ s left/,
  ];
  expect(facts.filter((fact) => !fact.test(text)).map(String), text).toEqual([]);
}

/** How far a transfer is, read from a screen or a line. */
export interface Reading {
  readonly images: number;
  readonly bytes: number;
  readonly percent: number;
}

/** Reads how far a transfer is; undefined if the text does not say so. */
export function readProgress(text: string): Reading | undefined {
  const images = /(\d+) of \d+ (?:images|tags)/.exec(text);
  const moved = /([\d.]+) ([kMG]?)B of [\d.]+ [kMG]?B \((\d+) %\)/.exec(text);
  if (images === null || moved === null) return undefined;
  const unit = { '': 1, k: 1e3, M: 1e6, G: 1e9 }[moved[2] as '' | 'k' | 'M' | 'G'];
  return { images: Number(images[1]), bytes: Math.round(Number(moved[1]) * unit), percent: Number(moved[3]) };
}
