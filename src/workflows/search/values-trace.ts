import { isName } from '../../base/names.ts';
import { withoutEnd } from '../../base/text-ends.ts';
import { type NestedChart, nestedCharts } from '../../discovery/nested/index.ts';
import type { Render, Renderer, RenderOptions, Values } from '../../helm/render.ts';
import { accepted, unlessRefused } from '../../influence/accepted.ts';
import { type Leaf, leavesOf, valueAt } from '../../influence/leaves.ts';

/** A chart's own charts, by what is asked for them, with what is handed to them. */
type Known = ReadonlyMap<string, string>;

interface Seen {
  /** Without the given values, and with their texts changed. */
  readonly plain: Known;
  readonly changed: Known;
  /** Texts of the given values that the chart does not render with when they are changed. */
  readonly kept: readonly string[];
  /** Addresses among the given values, as they stand there. */
  readonly addresses: readonly string[];
}

/** Shorter texts are switches and numbers, and no secrets. */
const SHORTEST = 4;

/**
 * Tells what of the charts that a chart brings along is built from the values that it was given. A chart may put a
 * password into the name of a host as it is, in base64 or letter by letter; so nothing is searched for: the chart is
 * rendered without the values, and with other texts in their place, and an address that both lose came from them.
 * Costs two renders, when it is asked the first time.
 */
export class ValuesTrace {
  readonly #renderer: Renderer;
  readonly #options: RenderOptions;
  #seen: Promise<Seen> | undefined;

  private constructor(renderer: Renderer, options: RenderOptions) {
    this.#renderer = renderer;
    this.#options = options;
  }

  /** Undefined where no values are given. */
  static of(renderer: Renderer, options: RenderOptions): ValuesTrace | undefined {
    const { values = [], set = [], setString = [], setJson = [], setFile = [], setLiteral = [] } = options;
    const given = [values, set, setString, setJson, setFile, setLiteral].some((list) => list.length > 0);
    return given ? new ValuesTrace(renderer, options) : undefined;
  }

  /** Whether what is asked for a chart is built from the values. */
  async isBuilt(nested: NestedChart): Promise<boolean> {
    const { plain, changed, kept } = await this.#look();
    const asked = askedOf(nested);
    if (plain.has(asked)) return false;
    return !changed.has(asked) || kept.some((text) => isIn(text, asked));
  }

  /** Whether something of the values may be in what the chart is handed. */
  async reaches(nested: NestedChart): Promise<boolean> {
    const { plain, changed, kept } = await this.#look();
    const handed = handedTo(nested);
    if (plain.get(askedOf(nested)) === handed) return false;
    return changed.get(askedOf(nested)) !== handed || kept.some((text) => isIn(text, handed));
  }

  /** Addresses that somebody wrote into the values, such as a chart repository of their own. */
  async addresses(): Promise<readonly string[]> {
    return (await this.#look()).addresses;
  }

  #look(): Promise<Seen> {
    this.#seen ??= this.#render();
    return this.#seen;
  }

  async #render(): Promise<Seen> {
    const {
      set: _set,
      setString: _strings,
      setJson: _json,
      setFile: _file,
      setLiteral: _literal,
      ...files
    } = this.#options;
    const { values: _values, ...options } = files;
    const base = await this.#renderer.render(this.#options);
    const plain = await unlessRefused(this.#renderer.render(options));
    const defaults = 'result' in plain ? plain.result.values : {};
    const given = leavesOf(base.values).filter(({ path, value }) => value !== '' && value !== valueAt(defaults, path));
    // What the chart itself says is a choice among what it knows, and no secret.
    const own = [...(await this.#renderer.texts()).values()].join('\n');
    const foreign = given.filter(({ value }) => !isKnown(value, own));
    // Helm has what is set on the command line win over files, so all values come in the one file here.
    const attempt = (leaves: readonly Leaf[]): Promise<Render> =>
      this.#renderer.render(files, withOthers(base.values, leaves));
    const outcome = await accepted(foreign, attempt);
    const changed = new Set(outcome?.items);
    return {
      plain: 'result' in plain ? knownOf(plain.result) : new Map(),
      changed: knownOf(outcome?.result ?? base),
      kept: foreign.filter((leaf) => !changed.has(leaf)).map(({ value }) => value),
      addresses: given.map(({ value }) => value).filter((value) => /^(?:https?|oci):\/\//.test(value)),
    };
  }
}

/** All values, with other texts in these leaves. */
function withOthers(values: Values, leaves: readonly Leaf[]): Values {
  const changed = structuredClone(values);
  for (const { path, value } of leaves) {
    const holder = valueAt(changed, path.slice(0, -1)) as Record<string | number, unknown>;
    holder[path.at(-1) as string | number] = otherText(value);
  }
  return changed;
}

function knownOf({ documents, values }: Render): Known {
  return new Map(nestedCharts(documents, values).map((nested) => [askedOf(nested), handedTo(nested)]));
}

/** A repository is asked for its index, whatever chart and version is wanted of it; a registry for those by name. */
function askedOf({ name, version, repository, url }: NestedChart): string {
  return JSON.stringify(
    url !== undefined || repository.startsWith('oci:') ? [repository, url, name, version] : [repository, name],
  );
}

function handedTo({ values, valuesFiles, set, setString }: NestedChart): string {
  return JSON.stringify([values, valuesFiles, set, setString]);
}

function isKnown(value: string, own: string): boolean {
  const isVersion = value.includes('.') && isName('chart version', value);
  return value.length < SHORTEST || isVersion || own.includes(`"${value}"`);
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
