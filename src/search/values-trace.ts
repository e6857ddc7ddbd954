import { join } from 'node:path';
import { isName } from '../base/names.ts';
import { trimTrailing } from '../base/text-trim.ts';
import { type NestedChart, nestedCharts } from '../discovery/nested/index.ts';
import { hostPortOf, hostPortsOf } from '../helm/addresses.ts';
import { hasValues, NO_VALUES, type Render, type Renderer, type RenderOptions } from '../helm/render.ts';
import { findAccepted, unlessRefused } from '../value-tracing/bisection.ts';
import { GivenValues } from './given-values.ts';

/** The nested charts of a render by request key, with the values given to each. */
type NamedCharts = ReadonlyMap<string, string>;

interface TraceResult {
  readonly base: NamedCharts;
  /** With the given texts replaced. */
  readonly changed: NamedCharts;
  /** Given texts that the chart refuses to have replaced. */
  readonly kept: readonly string[];
}

/** Shorter texts are flags and numbers, not secrets. */
const MIN_LENGTH = 4;

/**
 * Tests whether the nested charts of a chart depend on the user's own values. A chart may encode a password in a host
 * name, literally, in base64 or letter by letter, or by which of many hosts it names. Searching for texts is therefore
 * not enough: the chart is rendered with replaced texts and has to name the same charts. Takes two renders on first
 * use.
 */
export class ValuesTrace {
  /** Hosts of URLs in the user's values, such as the user's own chart repository. */
  readonly hosts: ReadonlySet<string>;
  readonly #run: () => Promise<TraceResult>;
  #result: Promise<TraceResult> | undefined;

  private constructor(hosts: ReadonlySet<string>, run: () => Promise<TraceResult>) {
    this.hosts = hosts;
    this.#run = run;
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
    return new ValuesTrace(hostPortsOf(addresses), () => traceWithOtherTexts(renderer, given, folder));
  }

  /** Creates a trace for a chart whose values may all be secret: compares with a render without values. */
  static within(renderer: Renderer, options: RenderOptions, hosts: ReadonlySet<string>): ValuesTrace {
    return new ValuesTrace(hosts, () => traceWithoutValues(renderer, options));
  }

  /**
   * Tests whether the requests to hosts that the user has not named depend on the values. A chart that only another
   * render contains, such as an upgrade, counts as dependent.
   */
  async dependsOnValues(nested: NestedChart, named: ReadonlySet<string>): Promise<boolean> {
    const { base, changed, kept } = await this.#results();
    if (!base.has(requestKey(nested))) return true;
    const requests = [base, changed].map((charts) =>
      [...charts.keys()].filter((key) => {
        const host = hostPortOf(requestAddress(key));
        return host === undefined || !(named.has(host) || this.hosts.has(host));
      }),
    );
    const [baseRequests, changedRequests] = requests.map((keys) => JSON.stringify(keys.sort()));
    return baseRequests !== changedRequests || kept.some((text) => containsEncoded(text, baseRequests ?? ''));
  }

  /** Tests whether the values of a nested chart may contain the user's values. */
  async reaches(nested: NestedChart): Promise<boolean> {
    const { changed, kept } = await this.#results();
    const values = givenTo(nested);
    return changed.get(requestKey(nested)) !== values || kept.some((text) => containsEncoded(text, values));
  }

  #results(): Promise<TraceResult> {
    this.#result ??= this.#run();
    return this.#result;
  }
}

async function traceWithOtherTexts(renderer: Renderer, given: GivenValues, folder: string): Promise<TraceResult> {
  // Texts that the chart itself contains are options of the chart, not secrets.
  const chartText = [...(await renderer.sourceFiles()).values()].join('\n');
  const texts = [...new Set(given.texts())].filter((text) => !isPublicText(text, chartText));
  let runs = 0;
  const attempt = async (selected: readonly string[]): Promise<Render> => {
    const replaced = new Set(selected);
    const change = (text: string): string => (replaced.has(text) ? otherText(text) : text);
    return renderer.render(await given.withTexts(change, join(folder, String(runs++))));
  };
  // Uses the same parser as the other renders: Helm's YAML has more boolean spellings.
  const base = namedCharts(await attempt([]));
  const outcome = await findAccepted(texts, attempt);
  const changed = new Set(outcome?.items);
  return {
    base,
    changed: outcome === undefined ? base : namedCharts(outcome.result),
    kept: texts.filter((text) => !changed.has(text)),
  };
}

async function traceWithoutValues(renderer: Renderer, options: RenderOptions): Promise<TraceResult> {
  const plain = await unlessRefused(renderer.render({ ...options, ...NO_VALUES }));
  const base = namedCharts(await renderer.render(options));
  return { base, changed: 'result' in plain ? namedCharts(plain.result) : new Map(), kept: [] };
}

function namedCharts({ documents, values }: Render): NamedCharts {
  const charts = new Map<string, string>();
  for (const nested of nestedCharts(documents, values)) {
    const key = requestKey(nested);
    charts.set(key, (charts.get(key) ?? '') + givenTo(nested));
  }
  return charts;
}

/**
 * Key of the request for a chart. A repository receives a request for its index, whatever chart and version is needed; a
 * registry receives the name of the chart.
 */
function requestKey({ name, version, repository, digest, url }: NestedChart): string {
  const isSingleChart = url !== undefined || repository.startsWith('oci:');
  return JSON.stringify(isSingleChart ? [url ?? repository, name, version, digest] : [repository, name]);
}

function requestAddress(key: string): string {
  return String((JSON.parse(key) as unknown[])[0]);
}

function givenTo({ values, valuesFiles, set, setString }: NestedChart): string {
  return JSON.stringify([values, valuesFiles, set, setString]);
}

function isPublicText(text: string, chartText: string): boolean {
  const isVersion = text.includes('.') && isName('chart version', text);
  return text.length < MIN_LENGTH || /^(?:true|false|null)$/.test(text) || isVersion || chartText.includes(`"${text}"`);
}

/** Returns a text of the same shape with other letters and digits. */
function otherText(text: string): string {
  return text.replace(/[A-Za-z0-9]/g, (character) => {
    const code = character.charCodeAt(0);
    const first = code < 58 ? 48 : code < 91 ? 65 : 97;
    return String.fromCharCode(first + ((code - first + 1) % (first === 48 ? 10 : 26)));
  });
}

/** Tests whether `haystack` contains a text, literally or in hex or base64. */
function containsEncoded(text: string, haystack: string): boolean {
  const bytes = Buffer.from(text);
  const forms = [text, bytes.toString('hex'), trimTrailing(bytes.toString('base64'), '=').slice(0, -2)];
  return forms.some((form) => haystack.toLowerCase().includes(form.toLowerCase()));
}
