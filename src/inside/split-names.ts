import { type WholeName, wholeName } from './names.ts';
import { detached, isTold } from './prose.ts';
import type { TextName } from './text.ts';

/** A tag by itself on its line. */
const TAG =
  /^([ \t]*(?:- )?)"?(?:tag|image_?[Tt]ag|image_?[Vv]ersion|version)"?:[ \t]*["']?([\w][\w.-]{0,127})["']?[ \t]*,?[ \t]*(?:#.*)?$/gm;
const FIELD = /^([ \t]*)(- )?"?(\w+)"?:[ \t]*["']?([\w./:-]{2,300}?)\/?["']?[ \t]*,?[ \t]*(?:#.*)?$/;
const REGISTRY = /^(?:registry|imageRegistry|image_registry|hub)$/;
const REPOSITORY = /^(?:repository|image|imageName|image_name|imageRepository)$/;
/** Names in one text; real ones have some ten. */
const MOST = 1000;
/** Lines around a tag in which its mapping has the other parts. */
const AROUND = 8;

/**
 * Names whose parts stand in fields of their own side by side, as charts have them: `repository` and `tag`, and a
 * `registry` where there is one.
 */
export function splitNames(text: string): TextName[] {
  const names: TextName[] = [];
  let line = 1;
  let counted = 0;
  for (const match of text.matchAll(TAG)) {
    if (names.length >= MOST) break;
    const [, indent = '', tag = ''] = match;
    const fields = fieldsAround(text, match.index, indent.length);
    const repository = fields.find(({ key }) => REPOSITORY.test(key))?.value;
    const registry = fields.find(({ key }) => REGISTRY.test(key))?.value;
    const name = repository === undefined ? undefined : nameOf(registry, repository, tag);
    if (name === undefined || isTold(text, match.index, indent.length)) continue;
    for (; counted < match.index; counted = text.indexOf('\n', counted) + 1) line++;
    names.push({ ...name, line });
  }
  return names;
}

function nameOf(
  registry: string | undefined,
  repository: string,
  tag: string,
): (WholeName & { written: string }) | undefined {
  const hasRegistry = registry !== undefined && /[.:]/.test(registry) && !repository.startsWith(registry);
  const written = detached(`${hasRegistry ? `${registry}/` : ''}${repository}:${tag}`);
  const name = repository.includes('/') || hasRegistry ? wholeName(written) : undefined;
  return name && { ...name, written };
}

/** The fields of the mapping that a line lies in, as far as they are near. */
function fieldsAround(text: string, start: number, indent: number): { key: string; value: string }[] {
  const before = text
    .slice(Math.max(0, start - AROUND * 200), start)
    .split('\n')
    .slice(0, -1)
    .toReversed();
  const after = text
    .slice(start, start + AROUND * 200)
    .split('\n')
    .slice(1);
  return [before, after].flatMap((lines) => {
    const found: { key: string; value: string }[] = [];
    for (const line of lines.slice(0, AROUND)) {
      const [, margin = '', item = '', key = '', value = ''] = FIELD.exec(line) ?? [];
      const left = line.search(/\S/);
      // What is indented less ends the mapping; an item begins one.
      if (left >= 0 && left < indent && margin.length + item.length !== indent) break;
      if (margin.length + item.length === indent && key !== '') found.push({ key, value });
      if (item !== '') break;
    }
    return found;
  });
}
