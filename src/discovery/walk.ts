import { assess, type Verdict } from './candidate.ts';
import {
  type Entry,
  entriesOf,
  inheritedFrom,
  isListOfMappings,
  isMapping,
  type Mapping,
  namedItem,
  toField,
} from './entry.ts';
import type { Hit } from './hit.ts';
import { type Evidence, evidenceOf } from './naming.ts';
import { unpack } from './payload.ts';
import { isSilent, mayHoldReference } from './relevance.ts';
import type { Judged, Omission, Surroundings, Watch } from './sight.ts';
import { type Field, findSplits, type Inherited, type Split } from './split.ts';
import { childOf, innermost, inside, type Spot } from './spot.ts';

/** Context of a value during the search. */
export interface Context extends Surroundings {
  readonly evidence: Evidence;
  /** The enclosing key names an image (`image: {name, tag}`). */
  readonly underImage: boolean;
  readonly inherited: Inherited;
  /** Number of texts unpacked so far. */
  readonly depth: number;
}

const CONTAINER_LISTS = new Set(['containers', 'initContainers', 'ephemeralContainers']);
const COMMANDS = new Set(['args', 'command', 'lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']);
/** Keys whose content is never pulled: selectors, schemas, and examples (`_example` by Knative's convention). */
const SKIPPED = /^(?:labels|matchLabels|managedFields|openAPIV3Schema|_example)$|\.(?:example|sample|md)$/;
/** Deeper than any real nesting; stops a text that unpacks into itself. */
const DEPTH_LIMIT = 10;

/**
 * Visits a value tree, including the texts inside it, and collects every reference. The listener also receives rejected
 * texts and skipped values.
 */
export class Walk {
  readonly hits: Hit[] = [];
  readonly #listener: Watch | undefined;

  constructor(watch?: Watch) {
    this.#listener = watch;
  }

  visit(value: unknown, spot: Spot, context: Context): void {
    if (typeof value === 'string') this.#text(value, spot, context);
    else if (Array.isArray(value)) this.#list(value, spot, context);
    else if (isMapping(value)) this.#mapping(value, spot, context);
  }

  /** Visits sibling entries: split references first, then each entry that is not part of one. */
  visitEntries(entries: readonly Entry[], context: Context): void {
    const fields = entries.flatMap(toField);
    const inherited = inheritedFrom(entries, fields, context.inherited);
    const { splits, used } =
      context.how === undefined
        ? { splits: [], used: new Set<Field>() }
        : findSplits(fields, context.underImage, inherited);
    for (const split of splits) {
      this.#assess(split.written, 'key', split.spot, context, split.parts);
    }
    if (this.#listener !== undefined) this.#omitLoneParts(used, splits, context);
    const spots = new Set([...used].map((field) => field.spot));
    for (const entry of entries) {
      if (!spots.has(entry.spot)) this.#entry(entry, { ...context, inherited });
    }
  }

  #entry({ key, value, spot, loose = false }: Entry, around: Context): void {
    const context = { ...around, key: key ?? around.key, script: around.script || loose, underImage: false };
    if (key === undefined) this.visit(value, spot, context);
    else if (CONTAINER_LISTS.has(key) && isListOfMappings(value)) this.#containers(value, spot, context);
    else if (SKIPPED.test(key)) this.omit('name', value, spot, context);
    else {
      if (key === 'volumes' && isListOfMappings(value)) this.#imageVolumes(value, spot, context);
      const said = evidenceOf(key, context.evidence);
      const evidence = said === 'key' && loose ? 'context' : said;
      const how = key === 'annotations' && context.depth === 0 ? 'annotation' : context.how;
      const namedBy = /image/i.test(key) ? key : context.namedBy;
      this.visit(value, spot, { ...context, how, evidence, namedBy, underImage: evidence === 'key' });
    }
  }

  #mapping(mapping: Mapping, spot: Spot, context: Context): void {
    if (isSilent(mapping.kind) && typeof mapping.apiVersion === 'string') {
      this.omit('kind', mapping, spot, context);
      return;
    }
    const off = context.off || String(mapping.enabled) === 'false';
    this.visitEntries(entriesOf(mapping, spot), { ...context, off });
  }

  #containers(containers: readonly Mapping[], spot: Spot, context: Context): void {
    for (const [i, container] of containers.entries()) this.#container(container, childOf(spot, i), context);
  }

  #container(container: Mapping, spot: Spot, context: Context): void {
    const direct = context.depth === 0;
    const rest: Entry[] = [];
    for (const entry of entriesOf(container, spot)) {
      const key = entry.key ?? '';
      if (key === 'image' && typeof entry.value === 'string') {
        const how = direct ? 'pod-spec' : context.how;
        this.#assess(entry.value, 'typed', entry.spot, { ...context, how, key });
      } else if (key === 'env' && direct) this.visit(entry.value, entry.spot, { ...context, how: 'env' });
      else if (COMMANDS.has(key)) {
        this.visit(entry.value, entry.spot, { ...context, how: direct ? 'argument' : context.how, script: true });
      } else rest.push(entry);
    }
    this.visitEntries(rest, context);
  }

  #imageVolumes(volumes: readonly Mapping[], spot: Spot, context: Context): void {
    for (const [i, { image }] of volumes.entries()) {
      if (!isMapping(image) || typeof image.reference !== 'string') continue;
      const at = childOf(childOf(childOf(spot, i), 'image'), 'reference');
      const how = context.depth === 0 ? 'pod-spec' : context.how;
      this.#assess(image.reference, 'typed', at, { ...context, how, key: 'reference' });
    }
  }

  #list(items: readonly unknown[], spot: Spot, context: Context): void {
    const named: Entry[] = [];
    for (const [i, item] of items.entries()) {
      const entry = namedItem(item, items[i - 1], childOf(spot, i));
      if (entry.key === undefined) this.visit(item, entry.spot, context);
      else named.push(entry);
    }
    this.visitEntries(named, context);
  }

  #text(text: string, spot: Spot, context: Context): void {
    const { how, evidence, depth } = context;
    if (how === undefined) {
      this.omit('field', text, spot, context);
      return;
    }
    const trimmed = text.trim();
    const assessment = assess(trimmed, evidence);
    const isNone = typeof assessment === 'string';
    const opened = isNone && depth < DEPTH_LIMIT && (evidence !== 'none' || mayHoldReference(trimmed));
    this.#report({ text: trimmed, spot, evidence, assessment, opened }, context);
    if (opened) this.#unpack(text, spot, context);
  }

  #unpack(text: string, spot: Spot, context: Context): void {
    const { depth } = context;
    const deeper: Context = { ...context, depth: depth + 1, underImage: false, inherited: [] };
    const payload = unpack(text);
    if (payload.kind === 'text') this.#text(payload.text, inside(spot, payload.step), deeper);
    if (payload.kind === 'trees') {
      for (const { step, value } of payload.trees) this.visit(value, inside(spot, step), { ...deeper, script: false });
    }
    if (payload.kind !== 'words') return;
    const words = payload.words.filter((word) => word.text !== text);
    this.visitEntries(
      words.map(({ step, key, text: value, loose }) => ({
        key,
        value,
        loose,
        spot: step === undefined ? { ...spot } : inside(spot, step),
      })),
      { ...deeper, script: context.script || text.startsWith('#!') },
    );
  }

  /** Reports a skipped value. */
  omit(reason: Omission, value: unknown, spot: Spot, around: Surroundings): void {
    this.#listener?.({ came: 'omitted', reason, value, spot, around });
  }

  #omitLoneParts(used: ReadonlySet<Field>, splits: readonly Split[], context: Context): void {
    const joined = new Set(splits.flatMap(({ parts }) => parts.map(({ path }) => path)));
    for (const { key, text, spot } of used) {
      if (!joined.has(innermost(spot))) this.omit('part', text, spot, { ...context, key });
    }
  }

  #assess(text: string, evidence: Evidence, spot: Spot, context: Context, parts?: Hit['parts']): void {
    const assessment = assess(text, evidence);
    this.#report(
      { text, spot, evidence, assessment, opened: false, ...(parts === undefined ? {} : { parts }) },
      context,
    );
  }

  #report(judged: Omit<Judged, 'came' | 'around' | 'hit'>, context: Context): void {
    const { assessment } = judged;
    const hit = typeof assessment === 'string' ? undefined : hitOf(judged, assessment, context);
    if (hit !== undefined) this.hits.push(hit);
    this.#listener?.({ ...judged, came: 'judged', around: context, ...(hit === undefined ? {} : { hit }) });
  }
}

function hitOf(
  { text: written, spot, parts }: Pick<Judged, 'text' | 'spot' | 'parts'>,
  { reference, confidence }: Verdict,
  { how, script, off, depth, evidence }: Context,
): Hit | undefined {
  if (how === undefined) return undefined;
  const chance = script && depth > 0;
  // A single word in a script is arbitrary; so is a part of an incomplete split reference in a disabled component.
  const doubtful = /[/:@]/.test(written) ? chance && evidence === 'none' && !/^[^/]*[.:]/.test(written) : chance || off;
  return {
    spot,
    how,
    written,
    reference,
    confidence: doubtful && confidence !== 'certain' ? 'possible' : confidence,
    off,
    ...(parts === undefined ? {} : { parts }),
  };
}
