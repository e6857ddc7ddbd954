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
  /** Addresses that only the source has. */
  readonly #foreign: readonly string[];
  /** Addresses of both: of these, only the namespaces that are replaced are those of the source. */
  readonly #shared: readonly string[];

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
    const hosts = [...new Set([...source.internal, ...source.routes])];
    this.#foreign = [...new Set(hosts.filter((host) => !own.has(host)).flatMap(spellingsOf))];
    this.#shared = hosts.filter((host) => own.has(host));
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
    const lower = text.toLowerCase();
    return (
      this.#foreign.some((host) => endsOf(lower, host).some((end) => !CONTINUED.test(lower.slice(end, end + 5)))) ||
      this.#shared.some((host) =>
        endsOf(lower, host).some((end) => {
          const namespace = NAMESPACE.exec(lower.slice(end, end + MAX_NAMESPACE))?.[0];
          return namespace !== undefined && this.#replacements.has(host + namespace);
        }),
      )
    );
  }

  /** Returns the edit of `host/namespace` at the start of a word; the namespace ends there or at a slash. */
  #prefixEdit(word: string, offset: number): TextEdit | undefined {
    const slash = word.indexOf('/');
    if (slash < 0) return undefined;
    const next = word.indexOf('/', slash + 1);
    const end = next < 0 ? word.length : next;
    const host = word.slice(0, slash).toLowerCase().replace(DEFAULT_PORT, '');
    const text = this.#replacements.get(host + word.slice(slash, end));
    return text === undefined ? undefined : { start: offset, end: offset + end, text };
  }
}

/** Start of what makes a host a longer one, or one with another port. */
const CONTINUED = /^(?:[a-z0-9]|[.-][a-z0-9]|:(?!443(?!\d))\d)/;

/** Port of HTTPS, which a host may have. */
const DEFAULT_PORT = /:443$/;

/** Returns an address of a registry as texts may have it: also without its port, and a Service without `.svc`. */
function spellingsOf(host: string): string[] {
  return [host, host.replace(/:\d+$/, ''), host.replace(/\.svc(?=:|$)/, '')];
}

/** Slash and namespace after a host, and the maximum length of both. */
const [NAMESPACE, MAX_NAMESPACE] = [/^\/[a-z0-9-]+/, 65];

/** Returns the offsets after each occurrence of a host that is not the end of a longer one. */
function endsOf(text: string, host: string): number[] {
  const ends: number[] = [];
  for (let at = text.indexOf(host); at >= 0; at = text.indexOf(host, at + 1)) {
    if (!/[a-z0-9.-]/.test(text[at - 1] ?? ' ')) ends.push(at + host.length);
  }
  return ends;
}
