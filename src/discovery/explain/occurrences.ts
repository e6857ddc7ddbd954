import { redact } from '../../base/redact.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { isMapping } from '../entry.ts';
import { searchObject } from '../object.ts';
import { identityOf } from '../place.ts';
import { isRelevant } from '../relevance.ts';
import type { Judged, Sight } from '../sight.ts';
import { childOf, type Spot } from '../spot.ts';
import type { Occurrence } from './occurrence.ts';
import { judgedBecause, omittedBecause, unreadBecause, unseenBecause } from './reasons.ts';

/**
 * Returns every occurrence of a text in a render, including decoded, unpacked and joined texts and short forms of the
 * reference. The events come from the same search that makes the findings, so the two cannot disagree.
 */
export function explainDocuments(documents: readonly RenderedDocument[], text: string): Occurrence[] {
  return documents.flatMap((document) => occurrencesIn(document, text));
}

function occurrencesIn(document: RenderedDocument, asked: string): Occurrence[] {
  const isThere = document.text.includes(asked);
  const isRead = isRelevant(document);
  // Documents that the search does not parse contain nothing encoded.
  if (!isThere && !isRead) return [];
  const object = document.object ?? {};
  const identity = identityOf(object);
  const at = { template: document.template, document: document.index, ...identity };
  const seen: Seen[] = [];
  searchObject(object, (sight) => seen.push(...matches(sight, asked)));
  if (seen.length === 0 && isThere) {
    return [{ ...at, path: '', text: lineWith(document.text, asked), taken: false, because: unseenBecause(object) }];
  }
  return innermost(seen).map(({ spot, text, sight }): Occurrence => {
    const isHidden = identity.kind === 'Secret' && !isTaken(sight) && text.includes(asked);
    const place = { ...at, ...spot, text: isHidden ? asked : lineWith(text, asked) };
    if (sight.came === 'omitted') {
      return { ...place, taken: false, because: omittedBecause(sight, identity.kind) };
    }
    const { hit, evidence, around, parts } = sight;
    if (hit === undefined) return { ...place, taken: false, evidence, because: judgedBecause(sight, asked) };
    if (!isRead) return { ...place, taken: false, evidence, because: unreadBecause() };
    const { namedBy } = around;
    const { reference, confidence, how } = hit;
    const key = evidence === 'none' || parts !== undefined ? undefined : (namedBy ?? around.key);
    return {
      ...place,
      taken: true,
      reference,
      confidence,
      how,
      evidence,
      ...(key === undefined ? {} : { key }),
      ...(parts === undefined ? {} : { parts }),
      because: judgedBecause(sight, asked),
    };
  });
}

/** An event about a text or value that contains the query. */
interface Seen {
  readonly spot: Spot;
  readonly text: string;
  readonly sight: Sight;
}

function matches(sight: Sight, asked: string): Seen[] {
  if (sight.came === 'omitted') {
    const found = textsIn(sight.value, sight.spot).filter(({ text }) => text.includes(asked));
    // One description of a schema is enough; they all have the same reason.
    return found.slice(0, sight.reason === 'kind' ? 1 : undefined).map((located) => ({ ...located, sight }));
  }
  const { text, spot, hit, parts = [] } = sight;
  const texts = [text, hit?.reference ?? '', ...parts.map((part) => part.text)];
  return texts.some((candidate) => candidate.includes(asked)) ? [{ spot, text, sight }] : [];
}

/** Returns all strings of a skipped value. */
function textsIn(value: unknown, spot: Spot): { spot: Spot; text: string }[] {
  if (typeof value === 'string') return [{ spot, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, i) => textsIn(item, childOf(spot, i)));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, childOf(spot, key)));
}

/**
 * Removes unpacked texts whose parts are events too, and keeps one event for each path: the match, else the last event.
 * The parts follow the unpacked text, so the next event decides.
 */
function innermost(seen: readonly Seen[]): Seen[] {
  const spots = new Map<string, Seen>();
  for (const [i, one] of seen.entries()) {
    const next = seen[i + 1];
    const isOpened = one.sight.came === 'judged' && one.sight.opened;
    if (isOpened && next !== undefined && isIn(next.spot, one.spot)) continue;
    const key = JSON.stringify([one.spot.path, one.spot.within]);
    const there = spots.get(key);
    if (there === undefined || !isTaken(there.sight)) spots.set(key, one);
  }
  return [...spots.values()];
}

function isIn(inner: Spot, outer: Spot): boolean {
  if (inner.path !== outer.path) return false;
  if (outer.within === undefined || inner.within === outer.within) return true;
  return inner.within?.startsWith(`${outer.within} > `) === true;
}

function isTaken(sight: Sight): sight is Judged {
  return sight.came === 'judged' && sight.hit !== undefined;
}

/** Characters shown of a line. Secrets are redacted first: manifests contain passwords, and reports are shared. */
const SHOWN = 160;

function lineWith(text: string, asked: string): string {
  const line = redact((text.split('\n').find((candidate) => candidate.includes(asked)) ?? text).trim());
  if (line.length <= SHOWN) return line;
  const from = Math.max(0, line.indexOf(asked) - SHOWN / 2);
  const end = from + Math.max(SHOWN, asked.length);
  return `${from > 0 ? '…' : ''}${line.slice(from, end)}${end < line.length ? '…' : ''}`;
}
