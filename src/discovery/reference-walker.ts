import { childPath, type FieldPath, innermostPath, nestedPath } from '../base/field-path.ts';
import { isListOfMappings, isMapping, type Mapping } from '../base/mapping.ts';
import { type Artifacts, artifactKey, artifactsIn } from './artifact-fields.ts';
import { assess, type Verdict } from './candidate.ts';
import { type Evidence, evidenceOf } from './key-evidence.ts';
import type { Match, MatchContext, MatchListener, OmissionReason, TextEvent } from './match.ts';
import { entriesOf, inheritedParts, type NamedValue, namedItem, toField } from './named-value.ts';
import { jsonInCode, unpack } from './payload.ts';
import { isIgnoredKind, mayContainReference } from './relevance.ts';
import { hasSourceFields, isSourceKey } from './source-code.ts';
import { type Field, findSplits, type InheritedParts, type SplitReference } from './split.ts';

/** Context of a value during the search. */
export interface WalkContext extends MatchContext {
  readonly evidence: Evidence;
  /** The enclosing key names an image (`image: {name, tag}`). */
  readonly underImage: boolean;
  readonly inherited: InheritedParts;
  /** Fields of the enclosing object that name OCI artifacts. */
  readonly artifacts: Artifacts;
  /** An enclosing key is about source code. */
  readonly inSource: boolean;
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
export class ReferenceWalker {
  readonly matches: Match[] = [];
  readonly #listener: MatchListener | undefined;

  constructor(listener?: MatchListener) {
    this.#listener = listener;
  }

  visit(value: unknown, fieldPath: FieldPath, context: WalkContext): void {
    if (typeof value === 'string') this.#text(value, fieldPath, context);
    else if (Array.isArray(value)) this.#list(value, fieldPath, context);
    else if (isMapping(value)) this.#mapping(value, fieldPath, context);
  }

  /** Visits sibling entries: split references first, then each entry that is not part of one. */
  visitEntries(entries: readonly NamedValue[], context: WalkContext): void {
    const isArtifact = ({ fieldPath }: NamedValue): boolean => context.artifacts.has(artifactKey(fieldPath));
    const fields = entries.flatMap((entry) => (isArtifact(entry) ? [] : toField(entry)));
    const inherited = inheritedParts(entries, fields, context.inherited);
    const { splits, used } =
      context.how === undefined
        ? { splits: [], used: new Set<Field>() }
        : findSplits(fields, context.underImage, inherited);
    for (const split of splits) {
      if (isOfSource(split, entries, context)) {
        const { written: text, fieldPath, parts } = split;
        this.#report({ text, fieldPath, parts, evidence: 'key', assessment: 'source', isUnpacked: false }, context);
      } else this.#assess(split.written, 'key', split.fieldPath, context, split.parts);
    }
    if (this.#listener !== undefined) this.#omitLoneParts(used, splits, context);
    const usedPaths = new Set([...used].map((field) => field.fieldPath));
    for (const entry of entries) {
      if (isArtifact(entry)) this.#artifact(entry, context);
      else if (!usedPaths.has(entry.fieldPath)) this.#entry(entry, { ...context, inherited });
    }
  }

  #entry({ key, value, fieldPath, weakKey = false }: NamedValue, parentContext: WalkContext): void {
    const context = {
      ...parentContext,
      key: key ?? parentContext.key,
      inScript: parentContext.inScript || weakKey,
      inSource: parentContext.inSource || (key !== undefined && isSourceKey(key)),
      underImage: false,
    };
    if (key === undefined) this.visit(value, fieldPath, context);
    else if (CONTAINER_LISTS.has(key) && isListOfMappings(value)) this.#containers(value, fieldPath, context);
    else if (SKIPPED.test(key)) this.omit('name', value, fieldPath, context);
    else {
      if (key === 'volumes' && isListOfMappings(value)) this.#imageVolumes(value, fieldPath, context);
      const keyEvidence = evidenceOf(key, context.evidence);
      const evidence = keyEvidence === 'key' && weakKey ? 'context' : keyEvidence;
      const how = key === 'annotations' && context.depth === 0 ? 'annotation' : context.how;
      const namedBy = /image/i.test(key) ? key : context.namedBy;
      const others = key === 'volumes' && isListOfMappings(value) ? value.map(withoutImageVolume) : value;
      this.visit(others, fieldPath, { ...context, how, evidence, namedBy, underImage: evidence === 'key' });
    }
  }

  #mapping(mapping: Mapping, fieldPath: FieldPath, context: WalkContext): void {
    if (isIgnoredKind(mapping.kind) && typeof mapping.apiVersion === 'string') {
      this.omit('kind', mapping, fieldPath, context);
      return;
    }
    const disabled = context.disabled || String(mapping.enabled) === 'false';
    const artifacts = typeof mapping.apiVersion === 'string' ? artifactsIn(mapping, fieldPath) : context.artifacts;
    this.visitEntries(entriesOf(mapping, fieldPath), { ...context, disabled, artifacts });
  }

  #artifact({ key, fieldPath }: NamedValue, context: WalkContext): void {
    const artifact = context.artifacts.get(artifactKey(fieldPath));
    if (artifact === undefined || artifact === 'part') return;
    const { written, parts, verified } = artifact;
    this.#assess(written, 'artifact', fieldPath, { ...context, key }, parts, verified);
  }

  #containers(containers: readonly Mapping[], fieldPath: FieldPath, context: WalkContext): void {
    for (const [i, container] of containers.entries()) this.#container(container, childPath(fieldPath, i), context);
  }

  #container(container: Mapping, fieldPath: FieldPath, context: WalkContext): void {
    const isTopLevel = context.depth === 0;
    const otherEntries: NamedValue[] = [];
    for (const entry of entriesOf(container, fieldPath)) {
      const key = entry.key ?? '';
      if (key === 'image' && typeof entry.value === 'string') {
        const how = isTopLevel ? 'pod-spec' : context.how;
        this.#assess(entry.value, 'typed', entry.fieldPath, { ...context, how, key });
      } else if (key === 'env' && isTopLevel) this.visit(entry.value, entry.fieldPath, { ...context, how: 'env' });
      else if (COMMANDS.has(key)) {
        this.visit(entry.value, entry.fieldPath, {
          ...context,
          how: isTopLevel ? 'argument' : context.how,
          inScript: true,
        });
      } else otherEntries.push(entry);
    }
    this.visitEntries(otherEntries, context);
  }

  #imageVolumes(volumes: readonly Mapping[], fieldPath: FieldPath, context: WalkContext): void {
    for (const [i, { image }] of volumes.entries()) {
      if (!isMapping(image) || typeof image.reference !== 'string') continue;
      const referencePath = childPath(childPath(childPath(fieldPath, i), 'image'), 'reference');
      const how = context.depth === 0 ? 'pod-spec' : context.how;
      this.#assess(image.reference, 'typed', referencePath, { ...context, how, key: 'reference' });
    }
  }

  #list(items: readonly unknown[], fieldPath: FieldPath, context: WalkContext): void {
    const named: NamedValue[] = [];
    for (const [i, item] of items.entries()) {
      const entry = namedItem(item, items[i - 1], childPath(fieldPath, i));
      if (entry.key === undefined) this.visit(item, entry.fieldPath, context);
      else named.push(entry);
    }
    this.visitEntries(named, context);
  }

  #text(text: string, fieldPath: FieldPath, context: WalkContext): void {
    const { how, evidence, depth } = context;
    if (how === undefined) {
      this.omit('field', text, fieldPath, context);
      return;
    }
    const trimmed = text.trim();
    const assessment = assess(trimmed, evidence);
    const isRejected = typeof assessment === 'string';
    const isUnpacked = isRejected && depth < DEPTH_LIMIT && (evidence !== 'none' || mayContainReference(trimmed));
    this.#report({ text: trimmed, fieldPath, evidence, assessment, isUnpacked }, context);
    if (isUnpacked) this.#unpack(text, fieldPath, context);
  }

  #unpack(text: string, fieldPath: FieldPath, context: WalkContext): void {
    const { depth } = context;
    const deeper: WalkContext = { ...context, depth: depth + 1, underImage: false };
    const payload = unpack(text);
    if (payload.kind === 'text') this.#text(payload.text, nestedPath(fieldPath, payload.step), deeper);
    if (payload.kind === 'trees') {
      for (const { step, value } of payload.trees)
        this.visit(value, nestedPath(fieldPath, step), { ...deeper, inScript: false });
    }
    if (payload.kind !== 'words') return;
    for (const { step, value } of jsonInCode(text)) this.visit(value, nestedPath(fieldPath, step), deeper);
    const words = payload.words.filter((word) => word.text !== text);
    this.visitEntries(
      words.map(({ step, key, text: value, weakKey }) => ({
        key,
        value,
        weakKey,
        fieldPath: step === undefined ? { ...fieldPath } : nestedPath(fieldPath, step),
      })),
      { ...deeper, inScript: context.inScript || text.startsWith('#!') },
    );
  }

  /** Reports a skipped value. */
  omit(reason: OmissionReason, value: unknown, fieldPath: FieldPath, context: MatchContext): void {
    this.#listener?.({ type: 'omitted', reason, value, fieldPath, context });
  }

  #omitLoneParts(used: ReadonlySet<Field>, splits: readonly SplitReference[], context: WalkContext): void {
    const joined = new Set(splits.flatMap(({ parts }) => parts.map(({ path }) => path)));
    for (const { key, text, fieldPath } of used) {
      if (!joined.has(innermostPath(fieldPath))) this.omit('part', text, fieldPath, { ...context, key });
    }
  }

  /** @param verified `@` and the digest of a reference that has none itself */
  #assess(
    text: string,
    evidence: Evidence,
    fieldPath: FieldPath,
    context: WalkContext,
    parts?: Match['parts'],
    verified = '',
  ): void {
    const assessed = assess(text, evidence);
    const isPinned = typeof assessed === 'string' || assessed.reference.includes('@');
    const assessment = isPinned ? assessed : { ...assessed, reference: assessed.reference + verified };
    this.#report(
      { text, fieldPath, evidence, assessment, isUnpacked: false, ...(parts === undefined ? {} : { parts }) },
      context,
    );
  }

  #report(assessed: Omit<TextEvent, 'type' | 'context' | 'match'>, context: WalkContext): void {
    const { assessment } = assessed;
    const match = typeof assessment === 'string' ? undefined : toMatch(assessed, assessment, context);
    if (match !== undefined) this.matches.push(match);
    this.#listener?.({ ...assessed, type: 'assessed', context, ...(match === undefined ? {} : { match }) });
  }
}

/** Reports whether the parts are of a repository of source code. A key that names an image says otherwise. */
function isOfSource(
  { written, fieldPath, parts }: SplitReference,
  entries: readonly NamedValue[],
  { inSource, underImage }: WalkContext,
): boolean {
  if (underImage || parts.some(({ role }) => role === 'image' || role === 'registry')) return false;
  const key = entries.find((entry) => entry.fieldPath === fieldPath)?.key ?? '';
  return inSource || isSourceKey(key) || hasSourceFields(entries, written);
}

/** Returns a volume without the image that it mounts, which has been assessed. */
function withoutImageVolume(volume: Mapping): Mapping {
  const { image, ...others } = volume;
  return isMapping(image) && typeof image.reference === 'string' ? others : volume;
}

function toMatch(
  { text: written, fieldPath, parts }: Pick<TextEvent, 'text' | 'fieldPath' | 'parts'>,
  { reference, confidence }: Verdict,
  { how, inScript, disabled, depth, evidence }: WalkContext,
): Match | undefined {
  if (how === undefined) return undefined;
  const isUncertain = inScript && depth > 0;
  // A single word in a script is arbitrary; so is a part of an incomplete split reference in a disabled component.
  const isDoubtful = /[/:@]/.test(written)
    ? isUncertain && evidence === 'none' && !/^[^/]*[.:]/.test(written)
    : isUncertain || disabled;
  // One word in a configuration may name anything, and a program may add a registry to it.
  const isWord = how === 'config' && !(parts === undefined ? /[/:@]/ : /\//).test(written);
  return {
    fieldPath,
    how,
    written,
    reference,
    confidence: (isDoubtful || isWord) && confidence !== 'certain' ? 'possible' : confidence,
    disabled,
    ...(parts === undefined ? {} : { parts }),
  };
}
