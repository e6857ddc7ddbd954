import { type Document, isMap, isScalar, isSeq, type Node, type Scalar, visit } from 'yaml';
import type { KeyPath } from '../../../base/field-path.ts';
import { scalarText } from '../../../base/scalar-source.ts';
import { applyEdits, type TextEdit } from '../../../base/text-edits.ts';
import { isRefusal, type Refusal, YamlSource } from '../../../helm/yaml-source.ts';
import { parseReference } from '../../../oci/reference.ts';
import { type ImageMoves, type NameEdits, nameEdits, patternEdits } from './image-names.ts';

/** Changed place of the values, with which tests may set the same. */
interface MovedValue {
  /** Normalized reference. */
  readonly reference: string;
  /** Paths of its changed scalars, from the root of the chart's values. */
  readonly keys: readonly KeyPath[];
}

/** What a test expects: images that moved, unless the test sets their values itself. */
export interface ExpectedMoves extends ImageMoves {
  readonly values: readonly MovedValue[];
}

export interface ChangedExpectations {
  readonly text: string;
  readonly notWritten: readonly Refusal[];
}

/** Expectations of each test of a suite by its title, for its snapshots. */
export type MovesByTitle = ReadonlyMap<string, ImageMoves>;

/** Edits of one file, and what it leaves. */
class FileEdits {
  readonly source: YamlSource;
  readonly #edits: TextEdit[] = [];
  /** New texts of scalars by the offset of their source. */
  readonly #expected = new Map<number, string>();
  readonly refused: Refusal[] = [];

  constructor(text: string) {
    this.source = new YamlSource(text);
    if (this.source.problem !== undefined) this.refused.push(this.source.problem);
  }

  add(scalar: Scalar, { edits, unclear }: NameEdits, whyUnclear: string): void {
    const line = this.source.lineOf(scalar);
    if (unclear.length > 0) this.refused.push({ line, reason: whyUnclear });
    if (edits.length === 0) return;
    const found = this.source.edit(scalar, edits);
    if (isRefusal(found)) this.refused.push(found);
    else {
      this.#edits.push(...found);
      this.#expected.set(scalar.range?.[0] ?? 0, applyEdits(scalarText(scalar), edits));
    }
  }

  /** Returns the changed text, or the old one if it does not read as the old one with these edits. */
  result(): ChangedExpectations {
    const { text } = this.source;
    const changed = applyEdits(text, this.#edits);
    if (this.#edits.length === 0 || isSameOutline(this.source, new YamlSource(changed), this.#expected))
      return { text: changed, notWritten: this.refused };
    const line = this.source.lineAt(this.#edits[0]?.start ?? 0);
    return { text, notWritten: [...this.refused, { line, reason: 'the changed file would not be read as intended' }] };
  }
}

const BOTH_WAYS = 'the chart names this image in other places too, which do not move';
const NOT_PLAIN = 'the pattern is more than one name: look at it';

/**
 * Changes what the tests of a helm-unittest suite expect. Inputs (`set`), `template` and negative assertions stay.
 * @param text of a file such as tests/deployment_test.yaml
 */
export function changeSuite(
  text: string,
  moves: ExpectedMoves,
): ChangedExpectations & { readonly byTitle: MovesByTitle } {
  const file = new FileEdits(text);
  const byTitle = new Map<string, ImageMoves>();
  for (const document of file.source.problem === undefined ? file.source.documents : []) {
    const suite = document.contents;
    const inherited = settingsOf(child(suite, 'set'));
    const hasVersion = (node: unknown): boolean => child(child(node, 'chart'), 'version') !== null;
    for (const test of itemsOf(child(suite, 'tests'))) {
      const settings = [...inherited, ...settingsOf(child(test, 'set'))];
      const { charts, ...images } = moves;
      const seen = hasVersion(suite) || hasVersion(test) ? images : moves;
      const { expected, partly } = movesWith(seen, settings);
      const title = child(test, 'it');
      if (isScalar(title)) byTitle.set(scalarText(title), expected);
      for (const assertion of itemsOf(child(test, 'asserts'))) changeAssertion(file, assertion, expected, partly);
    }
  }
  return { ...file.result(), byTitle };
}

/** Changes a file of snapshots, such as tests/__snapshot__/deployment_test.yaml.snap: manifests as texts, by the tests' titles. */
export function changeSnapshot(text: string, moves: ImageMoves, byTitle: MovesByTitle): ChangedExpectations {
  const file = new FileEdits(text);
  const root = file.source.problem === undefined ? file.source.documents[0]?.contents : undefined;
  for (const { key, value } of isMap(root) ? root.items : []) {
    const title = isScalar(key) ? scalarText(key) : '';
    for (const scalar of scalarsOf(value as Node | null))
      file.add(scalar, nameEdits(scalarText(scalar), byTitle.get(title) ?? moves, 'text'), BOTH_WAYS);
  }
  return file.result();
}

/**
 * Returns the moves that a test sees. A value that it sets itself does not move.
 * @returns `partly`: moves of which the test sets one part and takes the other from the values
 */
function movesWith(
  moves: ExpectedMoves,
  settings: readonly KeyPath[],
): { readonly expected: ImageMoves; readonly partly: ImageMoves } {
  const isSet = (keys: KeyPath): boolean => settings.some((path) => isPrefix(path, keys) || isPrefix(keys, path));
  const none = new Set<string>();
  const some = new Set<string>();
  for (const { reference, keys } of moves.values) {
    const set = keys.filter(isSet).length;
    if (set > 0) (set === keys.length ? none : some).add(reference);
  }
  const only = (isTaken: (reference: string) => boolean): ImageMoves => ({
    ...moves,
    moved: new Map([...moves.moved].filter(([reference]) => isTaken(reference))),
  });
  return {
    expected: only((reference) => !none.has(reference) && !some.has(reference)),
    partly: only((reference) => some.has(reference)),
  };
}

function changeAssertion(file: FileEdits, assertion: Node, expected: ImageMoves, partly: ImageMoves): void {
  for (const { key, value } of isMap(assertion) ? assertion.items : []) {
    const name = isScalar(key) ? scalarText(key) : '';
    if (name.startsWith('not') || !isMap(value)) continue;
    const path = child(value, 'path');
    const isImage = isScalar(path) && /image["'\]]*$/i.test(scalarText(path));
    for (const { key: field, value: content } of value.items) {
      const fieldName = isScalar(field) ? scalarText(field) : '';
      if (fieldName === 'path' || fieldName === 'template') continue;
      for (const scalar of scalarsOf(content as Node | null, isImage)) {
        const text = scalarText(scalar);
        if (fieldName === 'pattern') {
          file.add(scalar, patternEdits(text, expected), NOT_PLAIN);
          continue;
        }
        file.add(scalar, nameEdits(text, expected, scalar.isImage ? 'image' : 'text'), BOTH_WAYS);
        if (isImage && mayMean(text, partly))
          file.refused.push({
            line: file.source.lineOf(scalar),
            reason: 'the test sets a part of this name itself: look at it',
          });
      }
    }
  }
}

/** Reports whether a text has the last word of a moved image's path. */
function mayMean(text: string, { moved }: ImageMoves): boolean {
  return [...moved.keys()].some((reference) => text.includes(parseReference(reference).path.split('/').at(-1) ?? ''));
}

/** Scalar in an expectation; `isImage` if it has the name of an image only. */
type ExpectedScalar = Scalar & { readonly isImage: boolean };

function scalarsOf(node: Node | null, isImage = false): ExpectedScalar[] {
  if (isScalar(node)) return typeof node.value === 'string' ? [Object.assign(node, { isImage })] : [];
  if (isSeq(node)) return node.items.flatMap((item) => scalarsOf(item as Node | null, isImage));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) =>
    scalarsOf(value as Node | null, isScalar(key) && /image$/i.test(scalarText(key))),
  );
}

function child(node: unknown, name: string): Node | null {
  if (!isMap(node)) return null;
  const pair = node.items.findLast(({ key }) => isScalar(key) && scalarText(key) === name);
  return (pair?.value ?? null) as Node | null;
}

function itemsOf(node: Node | null): Node[] {
  return isSeq(node) ? (node.items.filter((item) => item !== null) as Node[]) : [];
}

/** Returns the paths that `set` sets: `image.repository: x`, or the same as mappings. Keys are paths as for `helm --set`. */
function settingsOf(node: Node | null): KeyPath[] {
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }): KeyPath[] => {
    const path = isScalar(key) ? pathOf(scalarText(key)) : [];
    const below = settingsOf(value as Node | null);
    return below.length === 0 ? [path] : below.map((rest) => [...path, ...rest]);
  });
}

function pathOf(text: string): string[] {
  return [...text.matchAll(/((?:[^.[\]\\]|\\.)+)/g)].map(([part]) =>
    part.replace(/\\(.)/g, '$1').replace(/^["']|["']$/g, ''),
  );
}

function isPrefix(short: KeyPath, long: KeyPath): boolean {
  return short.length <= long.length && short.every((key, i) => String(key) === String(long[i]));
}

/** Reports whether a changed file has the same structure, and the same scalars save for those with new texts. */
function isSameOutline(before: YamlSource, after: YamlSource, expected: ReadonlyMap<number, string>): boolean {
  if (after.problem !== undefined) return false;
  const [old, changed] = [before.documents.flatMap(outline), after.documents.flatMap(outline)];
  return (
    old.length === changed.length &&
    old.every(({ type, text, start }, i) => {
      return changed[i]?.type === type && changed[i].text === (expected.get(start) ?? text);
    })
  );
}

interface OutlineNode {
  readonly type: string;
  readonly text: string;
  /** Offset of a scalar; -1 for others. */
  readonly start: number;
}

function outline(document: Document.Parsed): OutlineNode[] {
  const found: OutlineNode[] = [];
  visit(document, {
    Node: (_, node) => {
      if (isScalar(node)) found.push({ type: typeof node.value, text: scalarText(node), start: node.range?.[0] ?? -1 });
      else found.push({ type: node.constructor.name, text: '', start: -1 });
    },
  });
  return found;
}
