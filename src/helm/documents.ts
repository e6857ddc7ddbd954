import { type ReadManifestResult, readManifest } from './go-yaml.ts';

/** Manifest of a render, parsed on first use. */
export interface RenderedDocument {
  /** Template path as Helm prints it after `# Source:`. */
  readonly template: string;
  /** Index among the documents of the template, from 0. */
  readonly index: number;
  /** YAML text without separator and `# Source:` line. */
  readonly text: string;
  /** Parsed manifest; undefined if it is not a YAML mapping. Parsed once, on first use. */
  readonly object: Readonly<Record<string, unknown>> | undefined;
  /** Reason why the manifest cannot be parsed; undefined if it can. */
  readonly problem?: string | undefined;
}

/** Returns a key that is equal for the same document of two renders. */
export function documentKey(template: string, index: number): string {
  return `${template}\n${index}`;
}

/** Line that starts with `---`, and the text after it. */
const SEPARATOR = /(?:^|\n)---([^\n]*)(?=\n)/g;
/** Whitespace of Go's unicode.IsSpace, then an optional comment (k8s.io/apimachinery, util/yaml YAMLReader). */
const SPACE_OR_COMMENT = /^[\t\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*(?:#|$)/;
/** Maximum number of spaces and line breaks between two objects of JSON. */
const MAX_GAP = 100;
const SOURCE = /^# Source: ([^\n]*)\n/;

/**
 * Splits the output of `helm template` where Kubernetes does: at lines of `---` with an optional comment. Helm writes
 * `# Source: <template>` at the top of each manifest; documents without that line belong to the preceding template.
 */
export function splitDocuments(render: string): RenderedDocument[] {
  const counts = new Map<string, number>();
  let template = '';
  return splitAtSeparators(`${render}\n`).flatMap((manifest) => {
    const source = SOURCE.exec(manifest);
    if (source === null && manifest.trim() === '') return [];
    template = source?.[1] ?? template;
    const index = counts.get(template) ?? 0;
    counts.set(template, index + 1);
    return [new LazyDocument(template, index, manifest.slice(source?.[0].length ?? 0))];
  });
}

/**
 * Splits a text of manifests that is no render of a chart at the same lines, and JSON also where one object follows another,
 * as kubectl does. Documents without content are left out.
 * @param template of all documents
 */
export function splitManifests(text: string, template: string): RenderedDocument[] {
  return splitAtSeparators(`${text}\n`)
    .flatMap(splitObjects)
    .filter((manifest) => manifest.trim() !== '')
    .map((manifest, index) => new LazyDocument(template, index, manifest));
}

/** Splits `{...} {...}`, which is no YAML, after each object. Other text is returned whole. */
function splitObjects(text: string): string[] {
  if (!/^\ufeff?\s*\{/.test(text)) return [text];
  const objects: string[] = [];
  let start = 0;
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"|[{}]/g)) {
    if (token === '{') depth += 1;
    if (token !== '}') continue;
    depth -= 1;
    const next = /\S/.exec(text.slice(index + 1, index + 1 + MAX_GAP))?.[0];
    if (depth !== 0 || next !== '{') continue;
    objects.push(text.slice(start, index + 1));
    start = index + 1;
  }
  return [...objects, text.slice(start)];
}

function splitAtSeparators(text: string): string[] {
  const separators = [...text.matchAll(SEPARATOR)].filter(([, rest = '']) => SPACE_OR_COMMENT.test(rest));
  const starts = [0, ...separators.map(({ 0: match, index }) => index + match.length + 1)];
  return starts.map((start, i) => {
    const next = separators[i];
    return text.slice(start, next === undefined ? undefined : next.index + (next[0].startsWith('\n') ? 1 : 0));
  });
}

/** Returns a copy of a document with another text. */
export function withText({ template, index }: RenderedDocument, text: string): RenderedDocument {
  return new LazyDocument(template, index, text);
}

class LazyDocument implements RenderedDocument {
  readonly template: string;
  readonly index: number;
  readonly text: string;
  #reading: ReadManifestResult | undefined;

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

  #read(): ReadManifestResult {
    this.#reading ??= readManifest(this.text);
    return this.#reading;
  }
}
