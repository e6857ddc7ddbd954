import { type Reading, readManifest } from './go-yaml.ts';

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
  /** Why the manifest cannot be parsed; undefined when it can. */
  readonly problem?: string | undefined;
}

/** A line that begins with `---`, with the rest of it. */
const SEPARATOR = /(?:^|\n)---([^\n]*)(?=\n)/g;
/** White space as Go has it (unicode.IsSpace), then nothing or a comment: k8s.io/apimachinery, util/yaml YAMLReader. */
const NO_TEXT = /^[\t\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*(?:#|$)/;
const SOURCE = /^# Source: ([^\n]*)\n/;

/**
 * Takes the output of `helm template` apart where Kubernetes does: at lines of `---` and at most a comment, after a line feed.
 * Helm writes `# Source: <template>` at the top of each manifest, also of each of several in one template file; what has
 * no such line belongs to the template before it.
 */
export function splitDocuments(render: string): RenderedDocument[] {
  const counts = new Map<string, number>();
  let template = '';
  return piecesOf(`${render}\n`).flatMap((piece) => {
    const source = SOURCE.exec(piece);
    if (source === null && piece.trim() === '') return [];
    template = source?.[1] ?? template;
    const index = counts.get(template) ?? 0;
    counts.set(template, index + 1);
    return [new LazyDocument(template, index, piece.slice(source?.[0].length ?? 0))];
  });
}

function piecesOf(text: string): string[] {
  const separators = [...text.matchAll(SEPARATOR)].filter(([, rest = '']) => NO_TEXT.test(rest));
  const starts = [0, ...separators.map(({ 0: match, index }) => index + match.length + 1)];
  return starts.map((start, i) => {
    const next = separators[i];
    return text.slice(start, next === undefined ? undefined : next.index + (next[0].startsWith('\n') ? 1 : 0));
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
  #reading: Reading | undefined;

  constructor(template: string, index: number, text: string) {
    this.template = template;
    this.index = index;
    this.text = text;
  }

  get object(): Readonly<Record<string, unknown>> | undefined {
    return this.#read().object;
  }

  get problem(): string | undefined {
    return this.#read().problem;
  }

  #read(): Reading {
    this.#reading ??= readManifest(this.text);
    return this.#reading;
  }
}
