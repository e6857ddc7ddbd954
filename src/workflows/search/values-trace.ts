import { join } from 'node:path';
import { isName } from '../../base/names.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import { type NestedChart, nestedCharts } from '../../discovery/nested/index.ts';
import { hostOf, namedHosts } from '../../helm/addresses.ts';
import { hasValues, NO_VALUES, type Render, type Renderer, type RenderOptions } from '../../helm/render.ts';
import { accepted, unlessRefused } from '../../influence/accepted.ts';
import { GivenValues } from './given-values.ts';

/** The charts that a chart names, by what is asked for each, with what is handed to it. */
type Known = ReadonlyMap<string, string>;

interface Seen {
  readonly base: Known;
  /** With other texts in the place of those that were given. */
  readonly changed: Known;
  /** Given texts that the chart does not render with when they are others. */
  readonly kept: readonly string[];
}

/** Shorter texts are switches and numbers, and no secrets. */
const SHORTEST = 4;

/**
 * Tells whether the charts that a chart names depend on the user's own values. A chart may put a password into the name
 * of a host as it is, in base64 or letter by letter, and may tell it by which of many hosts are asked; so nothing is
 * searched for: the chart is rendered with other texts in the place of the given ones, and has to name the same charts.
 * Costs two renders, when it is asked the first time.
 */
export class ValuesTrace {
  /** Hosts of addresses that the user has written into the values, such as a chart repository of their own. */
  readonly hosts: ReadonlySet<string>;
  readonly #look: () => Promise<Seen>;
  #seen: Promise<Seen> | undefined;

  private constructor(hosts: ReadonlySet<string>, look: () => Promise<Seen>) {
    this.hosts = hosts;
    this.#look = look;
  }

  /**
   * Undefined where no values are given.
   * @param folder for values files
   * @param cwd of relative paths (absolute)
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

  /** Where all that was given may hold a secret: what the chart names without it counts. */
  static within(renderer: Renderer, options: RenderOptions, hosts: ReadonlySet<string>): ValuesTrace {
    return new ValuesTrace(hosts, () => withNone(renderer, options));
  }

  /**
   * Whether the charts that are asked for at hosts that nobody has named depend on the values. One that only another
   * render shows, as of an upgrade, counts as one that does.
   */
  async isBuilt(nested: NestedChart, named: ReadonlySet<string>): Promise<boolean> {
    const { base, changed, kept } = await this.#get();
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

  /** Whether something of the values may be in what a chart is handed. */
  async reaches(nested: NestedChart): Promise<boolean> {
    const { changed, kept } = await this.#get();
    const handed = handedTo(nested);
    return changed.get(askedOf(nested)) !== handed || kept.some((text) => isIn(text, handed));
  }

  #get(): Promise<Seen> {
    this.#seen ??= this.#look();
    return this.#seen;
  }
}

async function withOthers(renderer: Renderer, given: GivenValues, folder: string): Promise<Seen> {
  // What the chart itself says is a choice among what it knows, and no secret.
  const own = [...(await renderer.texts()).values()].join('\n');
  const texts = [...new Set(given.texts())].filter((text) => !isKnown(text, own));
  let runs = 0;
  const attempt = async (chosen: readonly string[]): Promise<Render> => {
    const others = new Set(chosen);
    const change = (text: string): string => (others.has(text) ? otherText(text) : text);
    return renderer.render(await given.with(change, join(folder, String(runs++))));
  };
  // Read the same way as the others: Helm's YAML knows more switches than ours.
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

/** A repository is asked for its index, whatever chart and version is wanted of it; a registry for those by name. */
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

/** A text of the same shape: letters and digits are others, the rest stays. */
function otherText(text: string): string {
  return text.replace(/[A-Za-z0-9]/g, (character) => {
    const code = character.charCodeAt(0);
    const first = code < 58 ? 48 : code < 91 ? 65 : 97;
    return String.fromCharCode(first + ((code - first + 1) % (first === 48 ? 10 : 26)));
  });
}

/** As it is, or in one of the usual clothes. */
function isIn(text: string, where: string): boolean {
  const bytes = Buffer.from(text);
  const forms = [text, bytes.toString('hex'), withoutEnd(bytes.toString('base64'), '=').slice(0, -2)];
  return forms.some((form) => where.toLowerCase().includes(form.toLowerCase()));
}
