import { Option } from 'commander';
import { jsonText } from '../../base/printable.ts';

/** `-o`: one flag everywhere. */
export function outputOption<T extends string>(formats: readonly T[], fallback: T): Option {
  return new Option('-o, --output <format>', 'output format').choices(formats).default(fallback);
}

/** A result for programs, with `apiVersion` and `kind` in front. */
export async function asDocument(kind: string, content: object, format: 'json' | 'yaml'): Promise<string> {
  const document = { apiVersion: 'airgap/v1', kind, ...content };
  if (format === 'json') return jsonText(document, 2);
  const { yamlText } = await import('../../base/yaml-text.ts');
  return yamlText(document, { lineWidth: 80 });
}
