import { before } from '../base/text-ends.ts';
import { formatPath, type Leaf } from './leaves.ts';

/**
 * A slot is one name inside a leaf: the whole of `image.repository`, the part before the tag in a full reference, one of
 * several references in a multi-line text. Slots are what a probe marks and what an override later fills.
 */
export interface Slot {
  readonly leaf: Leaf;
  /** Offsets of the name in the leaf's value. Both 0 for an empty leaf, whose whole value the slot is. */
  readonly start: number;
  readonly end: number;
  /** Host and path components of the name; one or more. Empty strings for an empty leaf. */
  readonly components: readonly string[];
  /** Whether the first component stands for a host, so that its marker has to look like one. */
  readonly hostFirst: boolean;
  /** For an empty leaf: what the marker carries behind the name, so that a whole reference looks like one. */
  readonly suffix: string;
}

const IMAGE_KEY = /image|repositor|registry|^repo$|^hub$|^org(?:anization)?$/i;
const HOST_KEY = /registry|^hub$|mirror|registryhost/i;

/**
 * The slots of a leaf, as far as it may build one of the `written` references: names that stand in one of them, and
 * references that stand in a longer text.
 */
export function slotsOf(leaf: Leaf, written: readonly string[]): Slot[] {
  const { value } = leaf;
  if (value === '') return [];
  const simple = /^(?:[a-z]+:\/\/)?([A-Za-z0-9][\w.-]*(?::\d+(?=\/|$))?(?:\/[\w.-]+)*)/.exec(value);
  const name = simple?.[1] ?? '';
  // A number behind a lone word is a tag, unless the key says that the word is a host.
  const hostFirst = HOST_KEY.test(lastKey(leaf)) && !name.includes('/');
  const words = hostFirst || name.includes('/') ? name : name.replace(/:\d+$/, '');
  if (words !== '' && !/\s/.test(value.trim()) && mayBuild(leaf, words, written)) {
    const start = value.indexOf(words);
    return [slot(leaf, start, start + words.length, hostFirst)];
  }
  return embedded(leaf, written);
}

/** The slot of a leaf that is one component of one of the `written` references, whatever its key says. */
export function wordSlot(leaf: Leaf, written: readonly string[]): Slot | undefined {
  const { value } = leaf;
  if (!/^[a-z0-9][\w.-]*$/.test(value)) return undefined;
  const isComponent = written.some((text) => nameOf(text).split('/').includes(value));
  return isComponent ? slot(leaf, 0, value.length, false) : undefined;
}

/** The slot of a leaf that is empty or absent; its key says what would stand there. */
export function emptySlot(leaf: Leaf): Slot {
  const key = lastKey(leaf);
  const isRepository = /repo(?:sitory)?$|name$|path$/i.test(key);
  const isImage = /image$/i.test(key);
  const components = isRepository || isImage ? ['', ''] : [''];
  return { leaf, start: 0, end: 0, components, hostFirst: true, suffix: isImage ? ':v1.0.0' : '' };
}

function mayBuild(leaf: Leaf, words: string, written: readonly string[]): boolean {
  if (!/[/.:]/.test(words) && !leaf.path.slice(-2).some((key) => IMAGE_KEY.test(String(key)))) return false;
  return written.some((text) => occurrences(nameOf(text), words, /[\w.-]/, /[\w-]/).length > 0);
}

function embedded(leaf: Leaf, written: readonly string[]): Slot[] {
  const slots: Slot[] = [];
  for (const text of new Set(written)) {
    if (!/[/:]/.test(text)) continue;
    for (const start of occurrences(leaf.value, text, /[\w./@-]/, /[\w/@:-]/)) {
      const end = start + nameOf(text).length;
      if (!slots.some((other) => start < other.end && end > other.start)) slots.push(slot(leaf, start, end, false));
    }
  }
  return slots.sort((a, b) => a.start - b.start);
}

function slot(leaf: Leaf, start: number, end: number, hostOnly: boolean): Slot {
  const components = leaf.value.slice(start, end).split('/');
  const first = components[0] ?? '';
  const hostFirst = hostOnly || (components.length > 1 && /[.:]/.test(first)) || first === 'localhost';
  return { leaf, start, end, components, hostFirst, suffix: '' };
}

/** Where `part` stands in `text`, not as a piece of a longer word. */
export function occurrences(text: string, part: string, before: RegExp, after: RegExp): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const previous = text[at - 1];
    const next = text[at + part.length];
    if ((previous === undefined || !before.test(previous)) && (next === undefined || !after.test(next))) found.push(at);
  }
  return found;
}

/** The reference without tag and digest. */
export function nameOf(reference: string): string {
  return before(reference, '@').replace(/:[^/:]*$/, '');
}

function lastKey({ path }: Leaf): string {
  return String(path.findLast((key) => typeof key === 'string') ?? '');
}

/** The leaf's value with new names in some of its slots. */
export function fillLeaf(leaf: Leaf, fillings: readonly { readonly slot: Slot; readonly text: string }[]): string {
  return [...fillings]
    .sort((a, b) => b.slot.start - a.slot.start)
    .reduce((value, { slot: { start, end }, text }) => value.slice(0, start) + text + value.slice(end), leaf.value);
}

/** For messages and for `values` in a place. */
export function slotPath({ leaf }: Slot): string {
  return formatPath(leaf.path);
}
