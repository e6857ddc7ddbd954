import type { CommandUnknownOpts } from '@commander-js/extra-typings';

/** Texts of `--set` and others that probably hold a secret. */
const SECRET =
  /passw|passphrase|secret|token|credential|apikey|api[_-]key|private[_-]?key|accesskey|access[_-]key|auth/i;

/**
 * Returns the flags of the command line, as words of a command line that continues this one. Passwords and values that may hold
 * secrets are placeholders in capitals.
 * @param isWanted decides by the long name, such as `--values`
 */
export function givenFlags(command: CommandUnknownOpts, isWanted: (flag: string) => boolean): string[] {
  return command.options.flatMap((option) => {
    const { long, negate } = option;
    const key = option.attributeName();
    if (!long || !isWanted(long) || command.getOptionValueSource(key) !== 'cli') return [];
    const value: unknown = command.getOptionValue(key);
    // --scan and --no-scan have the same key, and only one of them was given.
    if (typeof value === 'boolean') return value === negate ? [] : [long];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((one) => (typeof one === 'string' ? [long, shownValue(long, one)] : []));
  });
}

/** Returns the flags that another command of the program has too. */
export function flagsOfCommand(command: CommandUnknownOpts, name: string): ReadonlySet<string> {
  const other = command.parent?.commands.find((one) => one.name() === name);
  return new Set(other?.options.flatMap(({ long }) => long ?? []));
}

function shownValue(flag: string, value: string): string {
  if (flag === '--password') return 'PASSWORD';
  if (!flag.startsWith('--set') || flag === '--set-file' || !SECRET.test(value)) return value;
  return `${value.slice(0, Math.max(0, value.indexOf('=')))}=VALUE`;
}
