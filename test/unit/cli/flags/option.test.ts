import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { parseSplitSize } from '../../../../src/cli/flags/option.ts';

it.each([
  ['1', 1],
  ['4294967296', 2 ** 32],
  ['700 MB', 700e6],
  ['4095MiB', 4095 * 2 ** 20],
  ['4095mib', 4095 * 2 ** 20],
  ['1.5KiB', 1536],
  ['4.7GB', 4.7e9],
  ['8GiB', 2 ** 33],
])('%s is a size', (text, bytes) => {
  expect(parseSplitSize(text)).toBe(bytes);
});

it.each(['', '0', '-1', 'MiB', '1TB', '1e3', '0x10', '4095 MiB each', '99999999999999999', '0.4B'])(
  '%s is not a size',
  (text) => {
    expect(() => parseSplitSize(text)).toThrow(InvalidArgumentError);
  },
);

it.each(['4GiB', '4096MiB', '4194304 KiB'])(
  '%s is one byte too large for FAT32, and the error names a size that fits',
  (text) => {
    expect(() => parseSplitSize(text)).toThrow(/4095MiB/);
  },
);
