import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { redact } from '../../base/redact.ts';
import { textBefore } from '../../base/text-trim.ts';

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
    return values.flatMap((one) => {
      const text = one instanceof Date ? one.toISOString() : typeof one === 'number' ? String(one) : one;
      return typeof text === 'string' ? [long, shownValue(long, text)] : [];
    });
  });
}

/** Returns the flags of another command of the program, which is among the `next` of this one in cli/program.ts. */
export function flagsOfCommand(command: CommandUnknownOpts, name: string): ReadonlySet<string> {
  const other = command.parent?.commands.find((one) => one.name() === name);
  // Without flags it was not read, and the next step would silently lose those of this run.
  if (other?.options.length === 0) throw new Error(`${command.name()} must name ${name} as its next command`);
  return new Set(other?.options.flatMap(({ long }) => long ?? []));
}

/** Returns the arguments of the command line, as {@link givenFlags} does with flags. */
export function givenArguments(command: CommandUnknownOpts): string[] {
  // A path may begin with a dash, and no command may take it for a flag.
  return command.args.map((text) => (redact(text) !== text ? 'ARGUMENT' : text.startsWith('-') ? `./${text}` : text));
}

function shownValue(flag: string, value: string): string {
  if (flag === '--password') return 'PASSWORD';
  const mayBeSecret = /^--set(?:-string|-json|-literal)?$/.test(flag) && SECRET.test(value);
  if (!mayBeSecret && redact(value) === value) return value;
  const name = textBefore(value, '=');
  return name === value ? 'VALUE' : `${name}=VALUE`;
}
