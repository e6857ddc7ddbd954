import { childPath, type FieldPath } from '../../base/field-path.ts';
import { isMapping } from '../../base/mapping.ts';
import { redact } from '../../base/redact.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { Confidence, EvidenceKind, LocatedReference, Location } from '../../inventory/finding.ts';
import { searchObject } from '../discover.ts';
import type { Evidence } from '../key-evidence.ts';
import type { MatchEvent, TextEvent } from '../match.ts';
import { objectIdentity } from '../object-identity.ts';
import { isRelevant } from '../relevance.ts';
import { assessmentReason, notAValueReason, omittedReason, unparsedReason } from './reasons.ts';

/** One occurrence of a text in a render, and how the search assessed it. */
export interface Occurrence
  extends Pick<Location, 'template' | 'document' | 'kind' | 'name' | 'path' | 'within' | 'hook'> {
  /** The assessed text; of a long text only the line. For a Secret only the text that was searched for. */
  readonly text: string;
  readonly taken: boolean;
  readonly reference?: string;
  readonly confidence?: Confidence;
  readonly how?: EvidenceKind;
  readonly evidence?: Evidence;
  /** The key that names an image. */
  readonly key?: string;
  /** The fields that were joined. */
  readonly parts?: Location['parts'];
  /** Reason for the assessment: one sentence without a full stop. */
  readonly because: string;
}

/**
 * Returns every occurrence of a text in a render, including decoded, unpacked and joined texts and short forms of the
 * reference. The events come from the same search that makes the findings, so the two cannot disagree.
 */
export function explainDocuments(documents: readonly RenderedDocument[], text: string): Occurrence[] {
  return documents.flatMap((document) => occurrencesIn(document, text));
}

function occurrencesIn(document: RenderedDocument, query: string): Occurrence[] {
  const containsQuery = document.text.includes(query);
  const isParsed = isRelevant(document);
  // Documents that the search does not parse contain nothing encoded.
  if (!containsQuery && !isParsed) return [];
  const object = document.object ?? {};
  const identity = objectIdentity(object);
  const objectLocation = { template: document.template, document: document.index, ...identity };
  const events: RelevantEvent[] = [];
  searchObject(object, (event) => events.push(...relevantTexts(event, query)));
  if (events.length === 0 && containsQuery) {
    return [
      {
        ...objectLocation,
        path: '',
        text: lineWith(document.text, query),
        taken: false,
        because: notAValueReason(object),
      },
    ];
  }
  return innermostOnly(events).map(({ fieldPath, text, event }): Occurrence => {
    const isHidden = identity.kind === 'Secret' && !isMatch(event) && text.includes(query);
    const location = { ...objectLocation, ...fieldPath, text: isHidden ? query : lineWith(text, query) };
    if (event.type === 'omitted') {
      return { ...location, taken: false, because: omittedReason(event, identity.kind) };
    }
    const { match, evidence, context, parts } = event;
    if (match === undefined) return { ...location, taken: false, evidence, because: assessmentReason(event, query) };
    if (!isParsed) return { ...location, taken: false, evidence, because: unparsedReason() };
    const { reference, confidence, how } = match;
    const key = evidence === 'none' || parts !== undefined ? undefined : (context.namedBy ?? context.key);
    return {
      ...location,
      taken: true,
      reference,
      confidence,
      how,
      evidence,
      ...(key === undefined ? {} : { key }),
      ...(parts === undefined ? {} : { parts }),
      because: assessmentReason(event, query),
    };
  });
}

/** An event about a text or value that contains the query. */
interface RelevantEvent {
  readonly fieldPath: FieldPath;
  readonly text: string;
  readonly event: MatchEvent;
}

function relevantTexts(event: MatchEvent, query: string): RelevantEvent[] {
  if (event.type === 'omitted') {
    const found = textsIn(event.value, event.fieldPath).filter(({ text }) => text.includes(query));
    // One description of a schema is enough; they all have the same reason.
    return found.slice(0, event.reason === 'kind' ? 1 : undefined).map((located) => ({ ...located, event }));
  }
  const { text, fieldPath, match, parts = [] } = event;
  const texts = [text, match?.reference ?? '', ...parts.map((part) => part.text)];
  return texts.some((candidate) => candidate.includes(query)) ? [{ fieldPath, text, event }] : [];
}

/** Returns all strings of a skipped value. */
function textsIn(value: unknown, fieldPath: FieldPath): { fieldPath: FieldPath; text: string }[] {
  if (typeof value === 'string') return [{ fieldPath, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, i) => textsIn(item, childPath(fieldPath, i)));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, childPath(fieldPath, key)));
}

/**
 * Removes unpacked texts whose parts are events too, and keeps one event for each path: the match, else the last event.
 * The parts follow the unpacked text, so the next event decides.
 */
function innermostOnly(events: readonly RelevantEvent[]): RelevantEvent[] {
  const eventsByPath = new Map<string, RelevantEvent>();
  for (const [i, relevant] of events.entries()) {
    const { event, fieldPath } = relevant;
    const next = events[i + 1];
    const isUnpacked = event.type === 'assessed' && event.isUnpacked;
    if (isUnpacked && next !== undefined && isWithin(next.fieldPath, fieldPath)) continue;
    const key = JSON.stringify([fieldPath.path, fieldPath.within]);
    const existing = eventsByPath.get(key);
    if (existing === undefined || !isMatch(existing.event)) eventsByPath.set(key, relevant);
  }
  return [...eventsByPath.values()];
}

function isWithin(inner: FieldPath, outer: FieldPath): boolean {
  if (inner.path !== outer.path) return false;
  if (outer.within === undefined || inner.within === outer.within) return true;
  return inner.within?.startsWith(`${outer.within} > `) === true;
}

function isMatch(event: MatchEvent): event is TextEvent {
  return event.type === 'assessed' && event.match !== undefined;
}

/** Characters shown of a line. Secrets are redacted first: manifests contain passwords, and reports are shared. */
const MAX_LINE = 160;

function lineWith(text: string, query: string): string {
  const line = redact((text.split('\n').find((candidate) => candidate.includes(query)) ?? text).trim());
  if (line.length <= MAX_LINE) return line;
  const start = Math.max(0, line.indexOf(query) - MAX_LINE / 2);
  const end = start + Math.max(MAX_LINE, query.length);
  return `${start > 0 ? '...' : ''}${line.slice(start, end)}${end < line.length ? '...' : ''}`;
}

/** Reasons for references that need not occur in a manifest. */
const REASONS: Partial<Record<EvidenceKind, (located: LocatedReference) => string>> = {
  influence: ({ values = [] }) => `built from the values ${values.join(', ')}, which name an image`,
  'operator-rule': ({ within }) => `chosen by the operator at run time (${within ?? ''})`,
  declared: () => 'the chart lists it as one of its images',
};

/**
 * Adds references found by evidence other than the text of manifests: marked values, operator rules, declared lists. An
 * occurrence that such evidence accepts is no longer reported as rejected.
 */
export function withOtherEvidence(
  occurrences: readonly Occurrence[],
  references: readonly LocatedReference[],
  query: string,
): Occurrence[] {
  const otherOccurrences = references.flatMap((located): Occurrence[] => {
    const because = REASONS[located.how]?.(located);
    if (because === undefined || ![located.written, located.reference].some((text) => text.includes(query))) return [];
    const { template, document, kind, name, path, within, hook, written, reference, confidence, how } = located;
    const objectLocation = { template, document, kind, name, path };
    const optionalFields = { ...(within === undefined ? {} : { within }), ...(hook === undefined ? {} : { hook }) };
    return [{ ...objectLocation, ...optionalFields, text: written, taken: true, reference, confidence, how, because }];
  });
  const isAcceptedByOther = (occurrence: Occurrence): boolean =>
    otherOccurrences.some(
      ({ how, template, document, path, text }) =>
        how === 'influence' &&
        template === occurrence.template &&
        document === occurrence.document &&
        path === occurrence.path &&
        occurrence.text.includes(text),
    );
  return [
    ...occurrences.filter((occurrence) => occurrence.taken || !isAcceptedByOther(occurrence)),
    ...otherOccurrences,
  ];
}
