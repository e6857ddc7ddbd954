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
 * Every place of a render where a text stands, also decoded, unpacked, put together from several fields, or as the short
 * form of the reference that is asked for. It is the search itself that is watched here: what it takes and passes over,
 * it takes and passes over in the same way when it makes findings.
 */
export function explainDocuments(documents: readonly RenderedDocument[], text: string): Occurrence[] {
  return documents.flatMap((document) => occurrencesIn(document, text));
}

function occurrencesIn(document: RenderedDocument, asked: string): Occurrence[] {
  const isThere = document.text.includes(asked);
  const isRead = isRelevant(document);
  // What the search does not even parse holds nothing encoded.
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

/** A sight that has to do with the text. */
interface Seen {
  readonly spot: Spot;
  readonly text: string;
  readonly sight: Sight;
}

function matches(sight: Sight, asked: string): Seen[] {
  if (sight.came === 'omitted') {
    const found = textsIn(sight.value, sight.spot).filter(({ text }) => text.includes(asked));
    // Of a schema's thousand descriptions one says as much as all.
    return found.slice(0, sight.why === 'kind' ? 1 : undefined).map((one) => ({ ...one, sight }));
  }
  const { text, spot, hit, parts = [] } = sight;
  const texts = [text, hit?.reference ?? '', ...parts.map((part) => part.text)];
  return texts.some((one) => one.includes(asked)) ? [{ spot, text, sight }] : [];
}

/** All strings of a value that was passed over. */
function textsIn(value: unknown, spot: Spot): { spot: Spot; text: string }[] {
  if (typeof value === 'string') return [{ spot, text: value }];
  if (Array.isArray(value)) return value.flatMap((item, i) => textsIn(item, childOf(spot, i)));
  if (!isMapping(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, childOf(spot, key)));
}

/**
 * Leaves out texts that were taken apart when the parts have shown more, and keeps one sight a spot: the one that was
 * taken, else the last. Parts follow their whole, so that the next sight decides.
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

/** Without what is secret by its looks: manifests hold passwords, and reports are passed on. Longer lines are cut to what is around the text. */
const SHOWN = 160;

function lineWith(text: string, asked: string): string {
  const line = redact((text.split('\n').find((one) => one.includes(asked)) ?? text).trim());
  if (line.length <= SHOWN) return line;
  const from = Math.max(0, line.indexOf(asked) - SHOWN / 2);
  const end = from + Math.max(SHOWN, asked.length);
  return `${from > 0 ? '…' : ''}${line.slice(from, end)}${end < line.length ? '…' : ''}`;
}
