import type { RenderedDocument } from '../helm/documents.ts';
import { kindOf } from '../helm/head.ts';
import type { Values } from '../helm/render.ts';
import { type Leaf, leavesOf, valueAt } from '../influence/leaves.ts';
import { type Run, readRuns } from '../influence/markers.ts';
import type { Probe } from '../influence/probe.ts';
import { type Slot, slotPath } from '../influence/slots.ts';
import { judge } from './candidate.ts';
import { isMapping } from './entry.ts';
import { evidenceOf, partOf } from './naming.ts';
import { needOf } from './need.ts';
import { identityOf, type PlaceFound } from './place.ts';
import { isSilent } from './relevance.ts';
import { childOf, inside, type Spot } from './spot.ts';

/**
 * Returns the values leaves that name an image: `agent.image`, `image.repository`, a `repository` with a `tag` next to
 * it. Where the render contains such a leaf, the text around it is a reference.
 */
export function imageLeaves(values: Values): Leaf[] {
  return leavesOf(values).filter((leaf) => {
    if (leaf.value === '' || /\s/.test(leaf.value)) return false;
    const key = String(leaf.path.at(-1));
    if (evidenceOf(key, 'none') === 'key') return judge(leaf.value, 'key') !== undefined;
    const role = partOf(key, false)?.role;
    const isRepository = role === 'repository' || role === 'image' || role === 'name';
    return isRepository && (/image/i.test(String(leaf.path.at(-2))) || tagBeside(values, leaf) !== undefined);
  });
}

/** Returns the tag, version or digest next to a leaf; undefined if there is none or it is empty. */
function tagBeside(values: Values, { path }: Leaf): string | undefined {
  const parent = valueAt(values, path.slice(0, -1));
  if (!isMapping(parent)) return undefined;
  const found = Object.entries(parent).find(
    ([key, value]) => /^(?:tag|version|digest|sha(?:256)?)$/i.test(key) && value !== null && value !== '',
  );
  return found === undefined ? undefined : String(found[1]);
}

/**
 * Returns references built from marked image leaves that other evidence has not found: in an argument or a line of a
 * configuration file, without a registry or a tag, and without a key that names an image.
 * @param known references of the same render; these are not reported again
 */
export function influencedPlaces(
  base: { readonly documents: readonly RenderedDocument[]; readonly values: Values },
  probed: Probe,
  known: readonly PlaceFound[],
  context: { readonly chart: string; readonly profile: string },
): PlaceFound[] {
  const images = new Set(imageLeaves(base.values).map(({ path }) => JSON.stringify(path)));
  const marked = new Map(probed.documents.map((document) => [positionOf(document), document]));
  const knownAt = Map.groupBy(known, (place) => `${place.template}\n${place.document}\n${place.path}`);
  const isImage = ({ leaf }: Slot): boolean => images.has(JSON.stringify(leaf.path));
  return base.documents.flatMap((was) => {
    const is = marked.get(positionOf(was));
    if (is === undefined || is.text === was.text || isSilent(kindOf(was))) return [];
    const identity = identityOf(was.object ?? {});
    return changes(was.object, is.object, { path: '' }).flatMap(({ spot, before: text, after }) => {
      const there = knownAt.get(`${positionOf(was)}\n${spot.path}`) ?? [];
      return wordsBuilt(text, readRuns(after, probed.slots), isImage).flatMap((word): PlaceFound[] => {
        if (there.some(({ written }) => written.includes(word.text) || word.text.includes(written))) return [];
        const verdict = isWhole(base.values, word) && !isCopy(text, word) ? judge(word.text, 'key') : undefined;
        if (verdict === undefined) return [];
        return [
          {
            ...context,
            template: was.template,
            document: was.index,
            ...identity,
            ...(text.includes('\n') ? inside(spot, `line ${lineOf(text, word.start)}`) : spot),
            how: 'influence',
            written: word.text,
            values: [...new Set(word.slots.map(slotPath))],
            reference: verdict.reference,
            confidence: 'likely',
            need: needOf('influence', identity.hook, false),
          },
        ];
      });
    });
  });
}

interface Word {
  readonly text: string;
  readonly start: number;
  readonly slots: readonly Slot[];
}

const PART = /[\w./:@+-]/;

/** Returns the words of the unmarked text that are built from an image leaf. */
function wordsBuilt(text: string, runs: readonly Run[], isImage: (slot: Slot) => boolean): Word[] {
  if (runs.map((run) => (run.slot === undefined ? run.literal : run.text)).join('') !== text) return [];
  const words = new Map<number, { text: string; start: number; slots: Slot[] }>();
  let at = 0;
  for (const run of runs) {
    const length = run.slot === undefined ? run.literal.length : run.text.length;
    if (run.slot !== undefined && isImage(run.slot)) {
      let start = at;
      let end = at + length;
      while (start > 0 && PART.test(text[start - 1] as string)) start -= 1;
      while (end < text.length && PART.test(text[end] as string)) end += 1;
      const known = words.get(start);
      if (known === undefined) words.set(start, { text: text.slice(start, end), start, slots: [run.slot] });
      else known.slots.push(run.slot);
    }
    at += length;
  }
  return [...words.values()];
}

/**
 * Tests whether a word is only a copy of the values as programs receive them: a name without a tag, after the key of
 * its own leaf.
 */
function isCopy(text: string, { text: word, start, slots }: Word): boolean {
  if (isTagged(word)) return false;
  const before = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const assigned = before.replace(/["']$/, '').trimEnd();
  if (!/[:=]$/.test(assigned)) return false;
  const named = assigned.slice(0, -1).trimEnd().replace(/["']$/, '');
  return slots.some(({ leaf }) => {
    const key = String(leaf.path.at(-1));
    return named.endsWith(key) && !/[\w.-]/.test(named.at(-1 - key.length) ?? '');
  });
}

function isTagged(text: string): boolean {
  return /[:@]/.test(text.slice(text.lastIndexOf('/') + 1));
}

/** A single name is ambiguous, and a repository whose tag is in another leaf is only part of a reference. */
function isWhole(values: Values, { text, slots }: Word): boolean {
  if (isTagged(text)) return true;
  return text.includes('/') && slots.every(({ leaf }) => tagBeside(values, leaf) === undefined);
}

interface Change {
  readonly spot: Spot;
  readonly before: string;
  readonly after: string;
}

/**
 * Returns the strings that differ between two objects of the same shape. Metadata and selectors contain names, not
 * references.
 */
function changes(was: unknown, is: unknown, spot: Spot): Change[] {
  if (typeof was === 'string') return typeof is === 'string' && was !== is ? [{ spot, before: was, after: is }] : [];
  if (Array.isArray(was)) {
    return Array.isArray(is) ? was.flatMap((item, i) => changes(item, is[i], childOf(spot, i))) : [];
  }
  if (!isMapping(was) || !isMapping(is)) return [];
  return Object.entries(was).flatMap(([key, value]) =>
    /^(?:metadata|labels|matchLabels|selector)$/.test(key) ? [] : changes(value, is[key], childOf(spot, key)),
  );
}

function positionOf({ template, index }: RenderedDocument): string {
  return `${template}\n${index}`;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
