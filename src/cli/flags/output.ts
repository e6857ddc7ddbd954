import { Option } from '@commander-js/extra-typings';
import { jsonText } from '../../base/printable.ts';
import type { Report } from '../reports/report.ts';

/** Returns the `-o` option, which every command has. */
export function outputOption<const T extends string>(formats: readonly T[], fallback: NoInfer<T>) {
  return new Option('-o, --output <format>', 'output format').choices(formats).default<T>(fallback);
}

/** Serializes a result, with `apiVersion` and `kind` first. */
export async function formatDocument(kind: string, content: object, format: 'json' | 'yaml'): Promise<string> {
  const document = { apiVersion: 'airgap/v1', kind, ...content };
  if (format === 'json') return jsonText(document, 2);
  const { yamlText } = await import('../../base/yaml-text.ts');
  return yamlText(document, { lineWidth: 80 });
}

/** Serializes one result, or several as a list: a document of kind `KIND` or `KINDList` with `items`. */
export function formatResults(kind: string, results: readonly object[]): Promise<string> {
  const [only, ...others] = results;
  return only !== undefined && others.length === 0
    ? formatDocument(kind, only, 'json')
    : formatDocument(`${kind}List`, { items: results }, 'json');
}

/** The parts of a command's output that reports use. */
interface ReportOutput {
  print(text: string): void;
  info(text: string): void;
  columns(): number | undefined;
}

/**
 * Lays a report out for the terminal's width, and writes its result to stdout and its notes to stderr.
 * @param next lines that say what to type next; the last notes
 */
export async function printReport(
  io: ReportOutput,
  { result, notes }: Report,
  next: readonly string[] = [],
): Promise<void> {
  // Loaded here, because `--help` needs no widths of characters.
  const { layOut, layoutWidth } = await import('../reports/layout.ts');
  const width = layoutWidth(io.columns());
  const write = (blocks: Report['result'], print: (text: string) => void): void => {
    if (blocks.length > 0) print(layOut(blocks, width));
  };
  write(result, io.print);
  write([...notes, ...next], io.info);
}
