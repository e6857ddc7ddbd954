import type { TextEdit } from '../base/text-edits.ts';
import type { RegistryAddresses } from './registry-addresses.ts';
import type { RegistryReplacement } from './registry-replacement.ts';

/** Characters that end a word of a command line, of a list, or of `NAME=VALUE`. No reference has one of them. */
const WORD = /[^\s"'`,;=()[\]{}<>|&]+/g;

/** Schemes with which tools write references. */
const SCHEME = /^(?:docker|oci|docker-daemon):\/\//;

/** Replaces registries in references, and finds what still refers to the source. */
export class ReferenceRewriter {
  readonly #replacements: ReadonlyMap<string, string>;
  readonly #mentions: RegExp | undefined;

  /**
   * @param source whose addresses are replaced
   * @param destination whose addresses stay
   */
  constructor(
    replacements: readonly RegistryReplacement[],
    source: Pick<RegistryAddresses, 'internal' | 'routes'>,
    destination: Pick<RegistryAddresses, 'internal' | 'routes'>,
  ) {
    this.#replacements = new Map(replacements.map(({ from, to }) => [from, to]));
    const [internal = ''] = destination.internal;
    const own = new Set([internal, internal.replace(/\.svc(?=:|$)/, '.svc.cluster.local'), ...destination.routes]);
    const foreign = [...source.internal, ...source.routes].filter((host) => !own.has(host));
    // Of an address that both clusters have, only the namespaces that are replaced are those of the source.
    const shared = replacements.flatMap(({ from }) => (own.has(from.slice(0, from.indexOf('/'))) ? [from] : []));
    const patterns = [
      ...foreign.map((host) => `${escaped(host)}(?![a-z0-9]|[.-][a-z0-9]|:\\d)`),
      ...shared.map((prefix) => `${escaped(prefix)}(?![a-z0-9-])`),
    ];
    if (patterns.length > 0) this.#mentions = new RegExp(`(?<![a-z0-9.-])(?:${patterns.join('|')})`, 'i');
  }

  /** Returns the edit of a text that is one reference; undefined if it is none of the source. */
  reference(text: string): TextEdit | undefined {
    return this.#prefixEdit(text, 0);
  }

  /** Returns the edits of the references that are whole words of a text, such as a command line or a list. */
  words(text: string): TextEdit[] {
    return [...text.matchAll(WORD)].flatMap(({ 0: word, index }) => {
      const scheme = SCHEME.exec(word)?.[0] ?? '';
      const edit = this.#prefixEdit(word.slice(scheme.length), index + scheme.length);
      return edit === undefined ? [] : [edit];
    });
  }

  /** Reports whether a text refers to a registry or namespace of the source. */
  mentionsSource(text: string): boolean {
    return this.#mentions?.test(text) ?? false;
  }

  /** Returns the edit of `host/namespace` at the start of a word; the namespace ends there or at a slash. */
  #prefixEdit(word: string, offset: number): TextEdit | undefined {
    const slash = word.indexOf('/');
    if (slash < 0) return undefined;
    const next = word.indexOf('/', slash + 1);
    const end = next < 0 ? word.length : next;
    const text = this.#replacements.get(word.slice(0, slash).toLowerCase() + word.slice(slash, end));
    return text === undefined ? undefined : { start: offset, end: offset + end, text };
  }
}

function escaped(text: string): string {
  return text.replace(/[^a-z0-9]/gi, '\\$&');
}
