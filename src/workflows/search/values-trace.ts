import { join } from 'node:path';
import { isName } from '../../base/names.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import { type NestedChart, nestedCharts } from '../../discovery/nested/index.ts';
import { hostOf, namedHosts } from '../../helm/addresses.ts';
import { hasValues, NO_VALUES, type Render, type Renderer, type RenderOptions } from '../../helm/render.ts';
import { accepted, unlessRefused } from '../../influence/accepted.ts';
import { GivenValues } from './given-values.ts';

/** The nested charts of a render by request key, with the values given to each. */
type Known = ReadonlyMap<string, string>;

interface Seen {
  readonly base: Known;
  /** With the given texts replaced. */
  readonly changed: Known;
  /** Given texts that the chart refuses to have replaced. */
  readonly kept: readonly string[];
}

/** Shorter texts are flags and numbers, not secrets. */
const SHORTEST = 4;

/**
 * Tests whether the nested charts of a chart depend on the user's own values. A chart may encode a password in a host
 * name, literally, in base64 or letter by letter, or by which of many hosts it names. Searching for texts is therefore
 * not enough: the chart is rendered with replaced texts and has to name the same charts. Takes two renders on first
 * use.
 */
export class ValuesTrace {
  /** Hosts of URLs in the user's values, such as the user's own chart repository. */
  readonly hosts: ReadonlySet<string>;
  readonly #run: () => Promise<Seen>;
  #result: Promise<Seen> | undefined;

  private constructor(hosts: ReadonlySet<string>, look: () => Promise<Seen>) {
    this.hosts = hosts;
    this.#run = look;
  }

  /**
   * Creates a trace; undefined if no values are given.
   * @param folder for values files
   * @param cwd absolute base of relative paths
   */
  static async of(
    renderer: Renderer,
    options: RenderOptions,
    folder: string,
    cwd: string,
  ): Promise<ValuesTrace | undefined> {
    if (!hasValues(options)) return undefined;
    const given = await GivenValues.read(options, cwd);
    if (given === undefined) return ValuesTrace.within(renderer, options, new Set());
    const addresses = given.texts().filter((text) => /^(?:https?|oci):\/\//.test(text));
    return new ValuesTrace(namedHosts(addresses), () => withOthers(renderer, given, folder));
  }

  /** Creates a trace for a chart whose values may all be secret: compares with a render without values. */
  static within(renderer: Renderer, options: RenderOptions, hosts: ReadonlySet<string>): ValuesTrace {
    return new ValuesTrace(hosts, () => withNone(renderer, options));
  }

  /**
   * Tests whether the requests to hosts that the user has not named depend on the values. A chart that only another
   * render contains, such as an upgrade, counts as dependent.
   */
  async isBuilt(nested: NestedChart, named: ReadonlySet<string>): Promise<boolean> {
    const { base, changed, kept } = await this.#results();
    if (!base.has(askedOf(nested))) return true;
    const asked = [base, changed].map((known) =>
      [...known.keys()].filter((key) => {
        const host = hostOf(addressIn(key));
        return host === undefined || !(named.has(host) || this.hosts.has(host));
      }),
    );
    const [now, otherwise] = asked.map((keys) => JSON.stringify(keys.sort()));
    return now !== otherwise || kept.some((text) => isIn(text, now ?? ''));
  }

  /** Tests whether the values of a nested chart may contain the user's values. */
  async reaches(nested: NestedChart): Promise<boolean> {
    const { changed, kept } = await this.#results();
    const handed = handedTo(nested);
    return changed.get(askedOf(nested)) !== handed || kept.some((text) => isIn(text, handed));
  }

  #results(): Promise<Seen> {
    this.#result ??= this.#run();
    return this.#result;
  }
}

async function withOthers(renderer: Renderer, given: GivenValues, folder: string): Promise<Seen> {
  // Texts that the chart itself contains are options of the chart, not secrets.
  const own = [...(await renderer.texts()).values()].join('\n');
  const texts = [...new Set(given.texts())].filter((text) => !isKnown(text, own));
  let runs = 0;
  const attempt = async (chosen: readonly string[]): Promise<Render> => {
    const others = new Set(chosen);
    const change = (text: string): string => (others.has(text) ? otherText(text) : text);
    return renderer.render(await given.withTexts(change, join(folder, String(runs++))));
  };
  // Uses the same parser as the other renders: Helm's YAML has more boolean spellings.
  const base = knownOf(await attempt([]));
  const outcome = await accepted(texts, attempt);
  const changed = new Set(outcome?.items);
  return {
    base,
    changed: outcome === undefined ? base : knownOf(outcome.result),
    kept: texts.filter((text) => !changed.has(text)),
  };
}

async function withNone(renderer: Renderer, options: RenderOptions): Promise<Seen> {
  const plain = await unlessRefused(renderer.render({ ...options, ...NO_VALUES }));
  const base = knownOf(await renderer.render(options));
  return { base, changed: 'result' in plain ? knownOf(plain.result) : new Map(), kept: [] };
}

function knownOf({ documents, values }: Render): Known {
  const known = new Map<string, string>();
  for (const nested of nestedCharts(documents, values)) {
    const asked = askedOf(nested);
    known.set(asked, (known.get(asked) ?? '') + handedTo(nested));
  }
  return known;
}

/**
 * Key of the request for a chart. A repository is asked for its index, whatever chart and version is needed; a registry
 * is asked for the chart by name.
 */
function askedOf({ name, version, repository, url }: NestedChart): string {
  const isWhole = url !== undefined || repository.startsWith('oci:');
  return JSON.stringify(isWhole ? [url ?? repository, name, version] : [repository, name]);
}

function addressIn(asked: string): string {
  return String((JSON.parse(asked) as unknown[])[0]);
}

function handedTo({ values, valuesFiles, set, setString }: NestedChart): string {
  return JSON.stringify([values, valuesFiles, set, setString]);
}

function isKnown(text: string, own: string): boolean {
  const isVersion = text.includes('.') && isName('chart version', text);
  return text.length < SHORTEST || /^(?:true|false|null)$/.test(text) || isVersion || own.includes(`"${text}"`);
}

/** Returns a text of the same shape with other letters and digits. */
function otherText(text: string): string {
  return text.replace(/[A-Za-z0-9]/g, (character) => {
    const code = character.charCodeAt(0);
    const first = code < 58 ? 48 : code < 91 ? 65 : 97;
    return String.fromCharCode(first + ((code - first + 1) % (first === 48 ? 10 : 26)));
  });
}

/** Tests whether a text contains another, literally or in hex or base64. */
function isIn(text: string, where: string): boolean {
  const bytes = Buffer.from(text);
  const forms = [text, bytes.toString('hex'), withoutEnd(bytes.toString('base64'), '=').slice(0, -2)];
  return forms.some((form) => where.toLowerCase().includes(form.toLowerCase()));
}
