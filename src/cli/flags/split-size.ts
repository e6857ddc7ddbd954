import { InvalidArgumentError } from 'commander';

/** Units of sizes. KB is 1000 bytes, KiB 1024 (IEC 80000-13). */
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

/** Parses a size, in bytes. @throws InvalidArgumentError */
export function parseSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = UNITS.get(unit.toUpperCase());
  const bytes = Math.floor(Number(digits) * (factor ?? Number.NaN));
  if (digits === '' || !Number.isSafeInteger(bytes) || bytes < 1) {
    throw new InvalidArgumentError(
      'It must be a number of bytes, or a number with KiB, MiB, GiB, KB, MB or GB, such as 4095MiB.',
    );
  }
  return bytes;
}

/**
 * Parses the size of a part, in bytes. Refuses 4GiB, which is meant for FAT32, whose files are at most one byte smaller. A
 * plain number of bytes is accepted.
 * @throws InvalidArgumentError
 */
export function parseSplitSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes === 2 ** 32 && /[a-z]/i.test(text)) {
    throw new InvalidArgumentError(
      'Files on FAT32 are smaller than 4 GiB: use 4095MiB, or 4294967296 for a medium without that limit.',
    );
  }
  return bytes;
}
