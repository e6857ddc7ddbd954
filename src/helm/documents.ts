import { parseDocument } from 'yaml';
import { strictly } from './lenient-yaml.ts';

/** One manifest of a render, parsed only when somebody looks inside. */
export interface RenderedDocument {
  /** Template file as Helm prints it behind `# Source:`. */
  readonly template: string;
  /** Which of that template's documents, counted from 0. */
  readonly index: number;
  /** The manifest's YAML, without separator and `# Source:` line. */
  readonly text: string;
  /** The parsed manifest; undefined when it is no YAML mapping. Parsed once, on first use. */
  readonly object: Readonly<Record<string, unknown>> | undefined;
}

const HEADER = /^---\n# Source: (.*)\n/gm;

/**
 * Takes the output of `helm template` apart. Helm writes `---` and `# Source: <template>` before each manifest, also
 * before each of several in one template file.
 */
export function splitDocuments(render: string): RenderedDocument[] {
  const text = `${render}\n`;
  const headers = [...text.matchAll(HEADER)];
  const counts = new Map<string, number>();
  return headers.map((header, i) => {
    const template = header[1] ?? '';
    const index = counts.get(template) ?? 0;
    counts.set(template, index + 1);
    return new LazyDocument(template, index, text.slice(header.index + header[0].length, headers[i + 1]?.index));
  });
}

/** The same document with another text. */
export function withText({ template, index }: RenderedDocument, text: string): RenderedDocument {
  return new LazyDocument(template, index, text);
}

class LazyDocument implements RenderedDocument {
  readonly template: string;
  readonly index: number;
  readonly text: string;
  #parsed: { object: Readonly<Record<string, unknown>> | undefined } | undefined;

  constructor(template: string, index: number, text: string) {
    this.template = template;
    this.index = index;
    this.text = text;
  }

  get object(): Readonly<Record<string, unknown>> | undefined {
    this.#parsed ??= { object: parse(this.text) };
    return this.#parsed.object;
  }
}

/**
 * YAML as Kubernetes reads it: duplicate keys are tolerated (the last one wins), `<<` merges, aliases are bounded. What
 * the strict reader refuses is tried once more in a stricter spelling.
 */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = read(text) ?? read(strictly(text));
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Undefined when it cannot be read. */
function read(text: string): unknown {
  const document = parseDocument(text, { uniqueKeys: false, logLevel: 'silent', stringKeys: true, merge: true });
  if (document.errors.length > 0) return undefined;
  try {
    return document.toJS({ maxAliasCount: 1000 });
  } catch {
    // More aliases than any manifest has: Helm refuses those too.
    return undefined;
  }
}
