import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';

// biome-ignore lint/suspicious/noExplicitAny: the constraint of Commander's types
type Arguments = any[];

/** Function that adds flags to a command. */
export type FlagGroup<Flags extends OptionValues, More extends readonly unknown[] = []> = <
  A extends Arguments,
  O extends OptionValues,
>(
  command: Command<A, O>,
  ...more: More
) => Command<A, O & Flags>;

/**
 * Returns a function that adds flags to a command. The types of the flags are inferred once, and not again for each command:
 * TypeScript limits the depth of inference.
 */
export function flagGroup<Flags extends OptionValues, More extends readonly unknown[]>(
  add: (command: Command, ...more: More) => Command<[], Flags>,
): FlagGroup<Flags, More> {
  return add as unknown as FlagGroup<Flags, More>;
}

/** Flags of a group, or of the command that a function returns. */
export type FlagsOf<Declaration> =
  // biome-ignore lint/suspicious/noExplicitAny: parameters of any kind
  Declaration extends FlagGroup<infer Flags, any>
    ? Readonly<Flags>
    : // biome-ignore lint/suspicious/noExplicitAny: parameters of any kind
      Declaration extends (...parameters: any) => Command<infer _Arguments, infer Flags>
      ? Readonly<Flags>
      : never;

/** Returns the names of flags that were given: those whose value is neither undefined nor false. */
export function givenFlags(flags: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(flags).flatMap(([flag, value]) => (value === undefined || value === false ? [] : [flag]));
}

/** Collects the values of a repeatable flag. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/**
 * Returns a flag that can be given several times, by default never.
 * @param note what the help adds to "repeatable"
 */
export function repeatable<const Flags extends string>(flags: Flags, description: string, note = '') {
  return new Option(flags, `${description} (repeatable${note})`).argParser(collect).default<string[]>([], '');
}

/** Returns the entries of a list with one in each line; `#` at the start of a word begins a comment. */
export function listEntries(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#[\s\S]*/, '').trim())
    .filter((line) => line !== '');
}

/** Form of the text `NAME=VALUE` of a flag. */
interface AssignmentForm {
  /** Such as `HOST=FILE`. */
  readonly form: string;
  readonly example: string;
  /** Accepts an empty value. */
  readonly mayBeEmpty?: boolean;
}

/**
 * Splits the text `NAME=VALUE` of a flag at the first equals sign.
 * @param shown the text as messages show it
 * @throws AirgapError `usage` without a name or a value
 */
export function parseAssignment(
  flag: string,
  text: string,
  { form, example, mayBeEmpty = false }: AssignmentForm,
  shown = text,
): readonly [name: string, value: string] {
  const index = text.indexOf('=');
  if (index < 1 || (index === text.length - 1 && !mayBeEmpty)) {
    throw new AirgapError('usage', `${flag} ${shown} is not ${form}`, { hint: `example: ${flag} ${example}` });
  }
  return [text.slice(0, index), text.slice(index + 1)];
}

/** Parses the value of `--concurrency`. @throws InvalidArgumentError */
export function parseConcurrency(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 256)
    throw new InvalidArgumentError('It must be a whole number from 1 to 256.');
  return value;
}

/** Parses a time such as `90s`, in milliseconds. @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  const factor = { s: 1000, m: 60_000, h: 3_600_000 }[unit];
  const time = Number(digits) * (factor ?? 0);
  // Maximum delay of Node's timers.
  if (time < 1 || time > 2 ** 31 - 1) throw new InvalidArgumentError('It must be a time such as 90s, 5m or 1h.');
  return time;
}

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
function parseSize(text: string): number {
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

/** Parses the memory of one render, in bytes. @throws InvalidArgumentError */
export function parseMemory(text: string): number {
  const bytes = parseSize(text);
  if (bytes < 64 * 1024 ** 2) throw new InvalidArgumentError('Helm needs 64MiB at least.');
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
