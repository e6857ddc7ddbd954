import { detachedCopy, isInDescription } from './descriptions.ts';
import { type WholeName, wholeName } from './image-names.ts';

/** Image name in a text. */
export interface TextName extends WholeName {
  readonly written: string;
  /** Counted from 1. */
  readonly line: number;
}

/** End of a key for a tag; searching for it is much faster than matching complete lines. */
const TAG_KEY_END = /(?:[Tt]ag|[Vv]ersion)"?:/g;
/** Line with a tag as its only value. */
const TAG =
  /^([ \t]*(?:- )?)"?(tag|newTag|image_?[Tt]ag|image_?[Vv]ersion|version)"?:[ \t]*["']?([\w][\w.-]{0,127})["']?[ \t]*(?:,[ \t]*)?(?:#.*)?\r?$/;
/** Maximum characters of a line: indentation and key, and in total. */
const MAX_KEY_OFFSET = 100;
const MAX_LINE_LENGTH = 400;
const FIELD = /^([ \t]*)(- )?"?(\w+)"?:[ \t]*["']?([\w./:-]{2,300}?)\/?["']?[ \t]*(?:,[ \t]*)?(?:#.*)?\r?$/;
const REGISTRY = /^(?:registry|imageRegistry|image_registry|hub)$/;
const REPOSITORY = /^(?:repository|image|imageName|image_name|imageRepository)$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** Maximum names in one text; real ones have about ten. */
const MAX_NAMES = 1000;
/** Lines around a tag that are searched for the other fields. */
const NEARBY_LINES = 8;

/**
 * Joins names split into adjacent fields: as in charts, `repository` and `tag`, with an optional `registry` and
 * `digest`; as in Kustomize, `name` or `newName`, and `newTag`.
 */
export function splitNamesInText(text: string): TextName[] {
  const names: TextName[] = [];
  let line = 1;
  let countedTo = 0;
  for (const { index } of text.matchAll(TAG_KEY_END)) {
    if (names.length >= MAX_NAMES) break;
    const start = lineStart(text, index);
    const [, indent = '', key = '', tag = ''] = TAG.exec(lineAt(text, start)) ?? [];
    if (tag === '') continue;
    const fields = fieldsAround(text, start, indent.length);
    const field = (pattern: RegExp): string | undefined =>
      fields.find((candidate) => pattern.test(candidate.key))?.value;
    const repository = key === 'newTag' ? (field(/^newName$/) ?? field(/^name$/)) : field(REPOSITORY);
    const digest = fields.find((candidate) => candidate.key === 'digest' && DIGEST.test(candidate.value))?.value;
    const version = digest === undefined ? tag : `${tag}@${digest}`;
    const name = repository === undefined ? undefined : joinName(field(REGISTRY), repository, version);
    if (name === undefined || isInDescription(text, start, indent.length)) continue;
    for (; countedTo < start; countedTo = text.indexOf('\n', countedTo) + 1) line++;
    names.push({ ...name, line });
  }
  return names;
}

/** Returns the start of the line of an offset, going back a limited distance: longer lines are not fields. */
function lineStart(text: string, index: number): number {
  const from = Math.max(0, index - MAX_KEY_OFFSET);
  return from + text.slice(from, index).lastIndexOf('\n') + 1;
}

function lineAt(text: string, start: number): string {
  const part = text.slice(start, start + MAX_LINE_LENGTH);
  const end = part.indexOf('\n');
  return end < 0 ? part : part.slice(0, end);
}

function joinName(
  registry: string | undefined,
  repository: string,
  version: string,
): (WholeName & { written: string }) | undefined {
  const hasRegistry = registry !== undefined && /[.:]/.test(registry) && !repository.startsWith(registry);
  const written = detachedCopy(`${hasRegistry ? `${registry}/` : ''}${repository}:${version}`);
  const name = repository.includes('/') || hasRegistry ? wholeName(written) : undefined;
  return name && { ...name, written };
}

/** Returns the fields near a line that belong to the same mapping. */
function fieldsAround(text: string, start: number, indent: number): { key: string; value: string }[] {
  const before = text
    .slice(Math.max(0, start - NEARBY_LINES * 200), start)
    .split('\n')
    .slice(0, -1)
    .toReversed();
  const after = text
    .slice(start, start + NEARBY_LINES * 200)
    .split('\n')
    .slice(1);
  return [before, after].flatMap((lines) => {
    const found: { key: string; value: string }[] = [];
    for (const line of lines.slice(0, NEARBY_LINES)) {
      const [, margin = '', item = '', key = '', value = ''] = FIELD.exec(line) ?? [];
      const column = line.search(/\S/);
      // Less indentation ends the mapping; a list item starts one.
      if (column >= 0 && column < indent && margin.length + item.length !== indent) break;
      if (margin.length + item.length === indent && key !== '') found.push({ key, value });
      if (item !== '') break;
    }
    return found;
  });
}
