import { parseArgs } from 'node:util';

/** An option of the command line: a text, a whole number or a switch, as its default is. */
interface Option {
  readonly default: string | number | boolean;
  /** One line for --help. */
  readonly help: string;
  /** Lowest value of a number; 0 if absent. */
  readonly least?: number;
  /** An argument without a flag. */
  readonly isArgument?: true;
}

export type Options = Readonly<Record<string, Option>>;

type Widened<T> = T extends string ? string : T extends number ? number : boolean;

/** Values of options by name. */
export type Values<O extends Options> = { readonly [Name in keyof O]: Widened<O[Name]['default']> };

/** Facts of a run that explain its figures. */
export interface Circumstances {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly cores: number;
  /** `Node.js VERSION`. */
  readonly node: string;
  /** `load average at the start N`. */
  readonly load: string;
}

/** Outcome of an evaluation. */
export interface Report {
  /** Figures in Markdown, for the page of results. */
  readonly figures: string;
  /** Section of the page that the figures replace; undefined for a selection, which leaves the page unchanged. */
  readonly section: string | undefined;
  /** Lines that are printed below the figures. */
  readonly faults: readonly string[];
  /** Without it the exit code is 1. */
  readonly isGood: boolean;
}

/** A measurement of the built plugin. Its folder has the name of its page in docs/results. */
export interface Evaluation<O extends Options, Results> {
  /** npm script that runs it. */
  readonly script: string;
  /** What it measures, needs and changes, for --help. */
  readonly summary: string;
  readonly options: O;
  /**
   * Measures, with its progress on stderr.
   * @param folder an empty folder, which the runner removes
   * @throws CannotRun if something is missing
   */
  measure(values: Values<O>, folder: string): Promise<Results>;
  report(results: Results, values: Values<O>, circumstances: Circumstances): Report;
}

/** Declares an evaluation; the types of options and results follow from it. */
export function defineEvaluation<const O extends Options, Results>(
  evaluation: Evaluation<O, Results>,
): Evaluation<O, Results> {
  return evaluation;
}

/** A run that cannot begin; the message says why. */
export class CannotRun extends Error {}

/**
 * Parses a command line.
 * @returns undefined if it asks for --help
 * @throws CannotRun for an unknown option or a wrong value
 */
export function parseOptions<O extends Options>(options: O, args: readonly string[]): Values<O> | undefined {
  const flags = Object.entries(options).filter(([, { isArgument }]) => !isArgument);
  const named = Object.keys(options).filter((name) => options[name]?.isArgument);
  const { values, positionals } = parsed(flags, args);
  if (values.help) return undefined;
  if (positionals.length > named.length) throw new CannotRun(`Unexpected argument '${positionals[named.length]}'`);
  const given: Record<string, unknown> = { ...values };
  for (const [index, text] of positionals.entries()) given[named[index] ?? ''] = text;
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, checkedValue(name, option, given[name])]),
  ) as Values<O>;
}

function parsed(flags: readonly (readonly [string, Option])[], args: readonly string[]) {
  const kinds = flags.map(([name, option]) => {
    return [name, { type: typeof option.default === 'boolean' ? 'boolean' : 'string' }] as const;
  });
  const options = { ...Object.fromEntries(kinds), help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true });
  } catch (error) {
    throw new CannotRun((error as Error).message);
  }
}

function checkedValue(name: string, option: Option, given: unknown): string | number | boolean {
  const value = given ?? option.default;
  if (typeof option.default !== 'number') return value as string | boolean;
  const { least = 0 } = option;
  const number = value === '' ? Number.NaN : Number(value);
  if (!Number.isInteger(number) || number < least) {
    throw new CannotRun(`--${name} must be a whole number${least === 0 ? '' : ` from ${least} on`}`);
  }
  return number;
}

/** Formats the text of --help. */
export function helpOf({ script, summary, options }: Evaluation<Options, unknown>): string {
  const rows = Object.entries(options).map(([name, { default: value, isArgument, help }]) => {
    const word = name.toUpperCase();
    if (isArgument) return [word, help] as const;
    if (typeof value === 'boolean') return [value ? `--no-${name}` : `--${name}`, help] as const;
    return [
      `--${name} ${typeof value === 'number' ? 'N' : word}`,
      `${help}${value === '' ? '' : ` (${value})`}`,
    ] as const;
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  const lines = rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`);
  return [`npm run ${script} -- [options]`, '', summary, '', ...lines].join('\n');
}
