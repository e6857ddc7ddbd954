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

/** Writes the result of a report to stdout and its notes to stderr. */
export function printReport(
  io: Readonly<Record<'print' | 'info', (text: string) => void>>,
  { result, notes }: Report,
): void {
  if (result !== '') io.print(result);
  if (notes !== '') io.info(notes);
}
