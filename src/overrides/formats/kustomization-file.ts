import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  Scalar,
  visit,
  type YAMLMap,
  YAMLSeq,
} from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import { quoted } from '../../base/printable.ts';
import { readYamlDocuments } from '../../base/yaml-read.ts';

/** What an entry of `images` sets. Kustomize sets tag and digest together: what is absent beside the other one is removed. */
export interface ImageEntry {
  /** Name as the manifests write it, without tag and digest. */
  readonly name: string;
  readonly newName?: string | undefined;
  readonly newTag?: string | undefined;
  readonly digest?: string | undefined;
}

/** Fields of an entry that are edited, in the order in which they are written. */
export const ENTRY_FIELDS = ['name', 'newName', 'newTag', 'digest'] as const;
export type EntryField = (typeof ENTRY_FIELDS)[number];

/** An entry of a kustomization, with its place in the text. */
export interface ExistingEntry extends ImageEntry {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly map: YAMLMap;
  readonly fields: ReadonlyMap<string, EntryPair>;
}

/** A field of an entry: two plain scalars. */
interface EntryPair {
  readonly key: Scalar;
  readonly value: Scalar;
}

/** A kustomization as text, and its `images`. */
export interface KustomizationFile {
  /** For messages. */
  readonly path: string;
  readonly text: string;
  readonly root: YAMLMap;
  /** The pair of `images`; undefined without one. */
  readonly imagesPair: Pair | undefined;
  /** The list; undefined if there is none, or if it is null. */
  readonly list: YAMLSeq | undefined;
  readonly entries: readonly ExistingEntry[];
}

/** Fields of a Kustomization and a Component, by which a file without `kind` is recognized. */
const FIELDS: ReadonlySet<string> = new Set(
  (
    'apiVersion kind metadata bases resources components crds patches patchesStrategicMerge patchesJson6902 replacements ' +
    'images imageTags replicas namespace namePrefix nameSuffix labels commonLabels commonAnnotations vars openapi ' +
    'configMapGenerator secretGenerator generatorOptions generators transformers validators configurations ' +
    'buildMetadata sortOptions helmCharts helmGlobals helmChartInflationGenerator'
  ).split(' '),
);

/** Fields of an entry. Kustomize, which is written in Go, takes them in any case. */
const ENTRY_NAMES: ReadonlySet<string> = new Set([...ENTRY_FIELDS, 'tagSuffix'].map((name) => name.toLowerCase()));

/**
 * Reads a kustomization whose `images` can be edited without losing anything.
 * @param path for messages
 * @throws AirgapError `config` with file and line if it is no kustomization, or if its images cannot be edited
 */
export function readKustomization(path: string, text: string): KustomizationFile {
  const lines = new LineCounter();
  const refuse = (offset: number, problem: string, hint: string): never => {
    throw new AirgapError('config', `${path}:${lines.linePos(offset).line || 1}: ${problem}`, { hint });
  };
  const documents = readYamlDocuments(text, { lineCounter: lines, keepSourceTokens: true });
  const [document, second] = documents;
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error !== undefined) refuse(error.pos[0], `not valid YAML: ${error.message}`, 'correct the file');
  if (second !== undefined) {
    refuse(second.range[0], 'a second document, which kustomize does not read', 'leave one document in the file');
  }
  const root = document?.contents;
  if (!isMap(root)) return refuse(root?.range?.[0] ?? 0, 'not a kustomization', KUSTOMIZATION_HINT);
  checkKind(root, refuse);
  const fields = new Set<string>();
  for (const { key } of root.items) {
    const name = fieldOf(key) ?? '';
    if (fields.has(name)) refuse(startOf(key), `${quoted(name)} is there twice`, 'leave one of them');
    fields.add(name);
    if (name !== 'images' && name.toLowerCase() === 'images')
      refuse(startOf(key), `${quoted(name)} is read as images`, 'write images');
    if (name === 'imageTags')
      refuse(startOf(key), 'imageTags is an old form of images', 'run kustomize edit fix in its folder first');
  }
  const imagesPair = root.items.find(({ key }) => fieldOf(key) === 'images');
  if (imagesPair === undefined) return { path, text, root, imagesPair, list: undefined, entries: [] };
  const { key, value } = imagesPair as Pair<Node, Node | null>;
  for (const node of [key, value]) if (node !== null) checkPlain(node, text, refuse);
  if (value === null || (isScalar(value) && value.value === null && value.source === '')) {
    return { path, text, root, imagesPair, list: undefined, entries: [] };
  }
  if (!(value instanceof YAMLSeq)) return refuse(startOf(value), 'images is not a list', LIST_HINT);
  const entries = value.items.map((item) => readEntry(item as Node, refuse, lines));
  return { path, text, root, imagesPair, list: value, entries };
}

type Refuse = (offset: number, problem: string, hint: string) => never;

const KUSTOMIZATION_HINT = 'give a kustomization.yaml, or the folder that has it';
const LIST_HINT = 'write a list of entries with name, newName and newTag';
const PLAIN_HINT = 'write it without, as a name and a value on each line';

function checkKind(root: YAMLMap, refuse: Refuse): void {
  const kind = root.items.find(({ key }) => fieldOf(key) === 'kind');
  const text = kind !== undefined && isScalar(kind.value) ? String(kind.value.value) : undefined;
  if (kind !== undefined && text !== 'Kustomization' && text !== 'Component') {
    refuse(startOf(kind.key), `not a kustomization, but of kind ${quoted(text ?? '')}`, KUSTOMIZATION_HINT);
  }
  if (kind !== undefined) return;
  const other = root.items.find(({ key }) => !FIELDS.has(fieldOf(key) ?? ''));
  if (other === undefined && root.items.length > 0) return;
  const field = other === undefined ? '' : `: ${quoted(fieldOf(other.key) ?? '')} is no field of one`;
  refuse(other === undefined ? 0 : startOf(other.key), `not a kustomization${field}`, KUSTOMIZATION_HINT);
}

/** Refuses anchors, aliases and tags: a change at one place would be one at others, or change what the text means. */
function checkPlain(node: Node, text: string, refuse: Refuse): void {
  visit(node, (_, one) => {
    if (isAlias(one)) refuse(startOf(one), `images has the alias *${one.source}`, PLAIN_HINT);
    if (!isScalar(one) && !isMap(one) && !isSeq(one)) return;
    if (one.anchor !== undefined) {
      refuse(text.lastIndexOf('&', startOf(one)), `images has the anchor &${one.anchor}`, PLAIN_HINT);
    }
    if (one.tag !== undefined) {
      refuse(text.lastIndexOf('!', startOf(one)), `images has the tag ${one.tag}`, PLAIN_HINT);
    }
  });
}

function readEntry(item: Node, refuse: Refuse, lines: LineCounter): ExistingEntry {
  if (!isMap(item)) return refuse(startOf(item), 'an entry of images is not a mapping', LIST_HINT);
  const fields = new Map<string, EntryPair>();
  for (const { key, value } of item.items) {
    const name = fieldOf(key);
    if (name === undefined) return refuse(startOf(key), 'an entry of images has a key that is no name', LIST_HINT);
    const known = [...ENTRY_FIELDS, 'tagSuffix'].find((field) => field.toLowerCase() === name.toLowerCase());
    if (!ENTRY_NAMES.has(name.toLowerCase()))
      refuse(startOf(key), `${quoted(name)} is no field of an entry of images`, LIST_HINT);
    if (known !== name) refuse(startOf(key), `${quoted(name)} is read as ${known}`, `write ${known}`);
    if (fields.has(name)) refuse(startOf(key), `${name} is there twice in one entry`, 'leave one of them');
    if (!isScalar(key) || !isScalar(value) || typeof value.value !== 'string') {
      return refuse(startOf(key), `${name} is not a text`, `write ${name} in quotes`);
    }
    if (value.type === Scalar.BLOCK_FOLDED || value.type === Scalar.BLOCK_LITERAL || isOnSeveralLines(value, lines)) {
      refuse(startOf(key), `${name} has several lines`, 'write it on one line');
    }
    fields.set(name, { key, value });
  }
  const text = (name: EntryField): string | undefined => (fields.get(name)?.value.value as string) || undefined;
  const name = text('name');
  if (name === undefined) return refuse(startOf(item), 'an entry of images has no name', LIST_HINT);
  const line = lines.linePos(startOf(item)).line;
  return { name, newName: text('newName'), newTag: text('newTag'), digest: text('digest'), line, map: item, fields };
}

function isOnSeveralLines({ range }: Scalar, lines: LineCounter): boolean {
  const [start = 0, end = 0] = range ?? [];
  return lines.linePos(start).line !== lines.linePos(end).line;
}

function fieldOf(key: unknown): string | undefined {
  return isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}
