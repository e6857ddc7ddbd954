import { InvalidArgumentError } from 'commander';

/** What a number may be followed by. KB is a thousand bytes and KiB 1024 (IEC 80000-13). */
const UNITS = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KIB', 2 ** 10],
  ['MIB', 2 ** 20],
  ['GIB', 2 ** 30],
]);

/** A size in bytes. @throws commander's error for a flag that makes no sense */
export function parseSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = UNITS.get(unit.toUpperCase());
  const bytes = Math.floor(Number(digits) * (factor ?? Number.NaN));
  if (digits === '' || !Number.isSafeInteger(bytes) || bytes < 1) {
    throw new InvalidArgumentError(
      'It must be a number of bytes, or one with KiB, MiB, GiB, KB, MB or GB, such as 4095MiB.',
    );
  }
  return bytes;
}

/**
 * The size of a part, in bytes. 4GiB is refused: who says that has a FAT32 medium, and a file there has a byte less. As
 * a plain number of bytes it is taken at its word.
 * @throws commander's error for a flag that makes no sense
 */
export function parseSplitSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes === 2 ** 32 && /[a-z]/i.test(text)) {
    throw new InvalidArgumentError(
      'FAT32 holds 4 GiB less one byte: give 4095MiB, or 4294967296 where there is no such limit.',
    );
  }
  return bytes;
}
