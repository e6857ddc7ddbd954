import { Option } from '@commander-js/extra-typings';
import { jsonText } from '../../base/printable.ts';
import { layOut, layoutWidth } from '../reports/layout.ts';
import type { Report } from '../reports/report.ts';
import { loadWidths } from '../reports/text-width.ts';

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
  const blocks = [...result, ...notes];
  await loadWidths(blocks.flatMap((block) => (typeof block === 'string' ? [] : [...block.head, ...block.rows.flat()])));
  const width = layoutWidth(io.columns());
  const write = (written: Report['result'], print: (text: string) => void): void => {
    if (written.length > 0) print(layOut(written, width));
  };
  write(result, io.print);
  write([...notes, ...next], io.info);
}
