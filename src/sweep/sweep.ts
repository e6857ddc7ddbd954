import type { FieldPath } from '../base/field-path.ts';
import { isMapping } from '../base/mapping.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import { readWithSecondParser } from '../helm/second-parser.ts';
import { type Explanation, explanationOf, lineBefore } from './explain.ts';
import { mayContainName, namesIn, type Range, type SearchedNames } from './names.ts';
import { embeddedTexts, readings, type TextAt, textsOf } from './strings.ts';

/**
 * Searches renders for public names. It imports nothing of the discovery of references and of their overrides, whose proof it checks, and
 * reads manifests with another parser.
 */

/** A public name in a render. */
export interface SweptName extends FieldPath {
  readonly template: string;
  /** Index of the document in the template, from 0. */
  readonly document: number;
  readonly kind: string;
  readonly name: string;
  /** The name as it is written, without its scheme. */
  readonly text: string;
  /**
   * `image`: with a tag or digest. `prefix`: a registry with a path, or alone in a field for it, which a program completes. `bare`: only a
   * host, a pattern, or the path of an image that was found, in a field that is not about images.
   */
  readonly shape: 'image' | 'prefix' | 'bare';
  /** Why nothing pulls it, by where it stands. */
  readonly explained?: Explanation;
}

/** Fields that set a registry or a part of an image. */
const IMAGE_FIELD = /registr(?:y|ies)|repo(?:sitory|sitories|s|_?url)?$|(?:^|[._-])hub$|image/i;

/** Finds every public name in the documents of a render, in their order. Comments of templates are not read, as by Kubernetes. */
export function sweep(documents: readonly RenderedDocument[], names: SearchedNames): SweptName[] {
  return documents.flatMap((document) => (mayContain(document.text, names) ? sweepDocument(document, names) : []));
}

function mayContain(text: string, names: SearchedNames): boolean {
  if (/\\[ux]|!!binary/.test(text)) return true;
  for (const reading of readings({ text, fieldPath: { path: '' }, keys: [], kind: '' }))
    if (mayContainName(reading.text, names)) return true;
  return false;
}

function sweepDocument({ template, index, text }: RenderedDocument, names: SearchedNames): SweptName[] {
  const object = readWithSecondParser(text);
  if (!isMapping(object)) return [];
  const { kind = '', metadata } = object;
  const identity = {
    template,
    document: index,
    kind: String(kind),
    name: isMapping(metadata) ? String(metadata.name ?? '') : '',
  };
  const found = new Map<string, SweptName>();
  const visit = (at: TextAt): void => {
    for (const reading of readings(at)) {
      const ranges = namesIn(reading.text, names);
      if (ranges.length === 0) continue;
      // The keys of a document in the text say more than its lines do, which also have its comments.
      const before = found.size;
      for (const inner of embeddedTexts(reading)) visit(inner);
      const embedded = new Set([...found.values()].slice(before).map((swept) => swept.text));
      for (const range of ranges) {
        const swept = { ...identity, ...sweptName(reading, range) };
        if (embedded.has(swept.text) && swept.explained !== 'a comment') continue;
        found.set(JSON.stringify([swept.path, swept.within, swept.text, swept.explained]), swept);
      }
    }
  };
  for (const at of textsOf(object, { fieldPath: { path: '' }, keys: [], kind: identity.kind })) visit(at);
  return [...found.values()];
}

function sweptName(
  { text: whole, fieldPath, keys, kind }: TextAt,
  { start, end }: Range,
): FieldPath & Pick<SweptName, 'text' | 'shape' | 'explained'> {
  const text = whole.slice(start, end);
  const before = lineBefore(whole, start);
  const explained = explanationOf({ keys, kind }, text, before);
  const isPattern = /^[:/]?\*/.test(whole.slice(end, end + 2));
  const shape = isPattern ? 'bare' : shapeOf(text, nameBefore(before) ?? keys.at(-1) ?? '');
  return { ...fieldPath, text, shape, ...(explained && { explained }) };
}

function shapeOf(text: string, field: string): SweptName['shape'] {
  const slash = text.indexOf('/');
  const isHost = slash < 0 && /^[\w-]+(?:\.[\w-]+)+(?::\d+)?$/.test(text);
  if (text.includes('@') || (!isHost && text.lastIndexOf(':') > slash)) return 'image';
  const hasHost = slash >= 0 && /[.:]/.test(text.slice(0, slash));
  return hasHost || IMAGE_FIELD.test(field) ? 'prefix' : 'bare';
}

/** Returns the name that a line gives to what follows: `registry: `, `REGISTRY=`, `--registry `. */
function nameBefore(before: string): string | undefined {
  const back = (from: number, character: RegExp): number => {
    let end = from;
    while (end > 0 && character.test(before[end - 1] as string)) end -= 1;
    return end;
  };
  const value = back(before.endsWith('://') ? back(before.length - 3, /\w/) : before.length, /["'[]/);
  const gap = back(value, /\s/);
  const isAssigned = /[:=]/.test(before[gap - 1] ?? '');
  if (!isAssigned && gap === value) return undefined;
  const end = back(isAssigned ? back(gap - 1, /\s/) : gap, /["']/);
  return /[A-Za-z_].*/.exec(before.slice(back(end, /[\w.-]/), end))?.[0];
}
