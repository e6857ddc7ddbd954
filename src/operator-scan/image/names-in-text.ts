import { formatReference } from '../../oci/reference.ts';
import type { Candidate, ScanLocation } from './candidate.ts';
import { DESCRIPTION_KEYS, detachedCopy, isInDescription } from './descriptions.ts';
import { isMovingTag, looseName, wholeName } from './image-names.ts';
import { splitNamesInText, type TextName } from './split-names-in-text.ts';

/** Maximum names in one text; real ones have some hundred. */
const MAX_NAMES = 5000;
/** Maximum characters scanned per line; generated files have complete documents on one line. */
const MAX_LINE_LENGTH = 64 * 1024;
/** Value without spaces of a YAML or JSON field or a flag, with its key, or of a list. */
const VALUE =
  /(?:(?:"([\w./-]{1,80})"|([\w./-]{1,80}))\s{0,4}[:=]\s{0,8}|(?:^|\s)-\s{1,4}|[[,]\s{0,8})["']?([A-Za-z0-9][\w./:@-]{3,300}\w)(?=["',\]}\s]|$)/g;
const IMAGE_KEY = /image(?!pull)/i;
const COMMENT = /^\s*(?:#|\/\/)/;

/**
 * Finds image names in YAML, JSON and settings: values whose keys say image, and values with a registry and a version.
 * Skips comments and descriptions.
 */
function namesInText(text: string): TextName[] {
  const names: TextName[] = [];
  let line = 1;
  let countedTo = 0;
  let end = -1;
  // A tag or digest follows its colon without a space, which is rare in other lines of YAML.
  for (const { index } of text.matchAll(/:\w/g)) {
    if (index < end) continue;
    if (names.length >= MAX_NAMES) break;
    const start = text.lastIndexOf('\n', index) + 1;
    const newline = text.indexOf('\n', index);
    end = newline < 0 ? text.length : newline;
    const content = text.slice(start, Math.min(end, start + MAX_LINE_LENGTH));
    // Cheap check first: a name has a slash or an image key, most lines have neither, and matching values is expensive.
    if (!(content.includes('/') || IMAGE_KEY.test(content)) || COMMENT.test(content)) continue;
    const found = namesInLine(content);
    if (found.length === 0 || isInDescription(text, start, content.search(/\S/))) continue;
    for (; countedTo < start; countedTo = text.indexOf('\n', countedTo) + 1) line++;
    names.push(...found.map((name) => ({ ...name, line })));
  }
  return names;
}

function namesInLine(content: string): Omit<TextName, 'line'>[] {
  const found: Omit<TextName, 'line'>[] = [];
  for (const [, quoted, plain, value = ''] of content.matchAll(VALUE)) {
    const key = quoted ?? plain ?? '';
    if (DESCRIPTION_KEYS.test(key)) continue;
    const written = detachedCopy(value);
    const isField = IMAGE_KEY.test(key);
    const name = wholeName(written) ?? (isField ? looseName(written) : undefined);
    // Without an image key, the value needs a known registry.
    if (name !== undefined && (isField || name.hostKind === 'registry')) found.push({ ...name, written });
  }
  return found;
}

/** Returns the names in a text as candidates of `medium` confidence, or `low` for moving tags. */
export function namesInFile(text: string, location: ScanLocation, evidence = 'a text file'): Candidate[] {
  return [...namesInText(text), ...splitNamesInText(text)].map(({ parsed, written, line }) => ({
    ...location,
    line,
    written,
    reference: formatReference(parsed),
    kind: 'text',
    confidence: isMovingTag(parsed) ? 'low' : 'medium',
    evidence,
  }));
}
