import { tryParseReference } from '../../oci/reference.ts';
import { assess, type Rejection } from '../candidate.ts';
import type { Mapping } from '../entry.ts';
import type { Evidence } from '../naming.ts';
import { withoutComment } from '../payload.ts';
import { isSilent, mayHoldReference } from '../relevance.ts';
import type { Judged, Omitted, Surroundings } from '../sight.ts';

/** Reasons for users: one sentence each, without a full stop. */

/** The context that reasons refer to. */
type Around = Pick<Surroundings, 'key' | 'namedBy' | 'script'>;

/** Returns why an assessed text was accepted or rejected. `query` is the text that the user asked about. */
export function judgedBecause(sight: Judged, asked: string): string {
  const { text, assessment, evidence, around, hit, parts, opened } = sight;
  if (typeof assessment === 'string') {
    const isPartOfMore = assessment === 'shape' && /\s/.test(text) && text !== asked;
    if (!isPartOfMore) return rejectedBecause(assessment, text, evidence, around);
    return opened ? lostBecause(text, asked) : closedBecause(text, evidence);
  }
  const why = parts === undefined ? takenBecause(text, evidence, around) : togetherBecause(parts);
  if (hit?.confidence !== 'possible') return why;
  const doubt = hit.off ? 'it stands below something that is switched off' : 'in a script a word may be anything';
  return `${why}; only possible, since ${doubt}`;
}

/** Returns why a text is accepted. */
export function takenBecause(text: string, evidence: Evidence, { key, namedBy }: Around): string {
  if (evidence === 'typed') return `Kubernetes pulls what stands in the field \`${key ?? 'image'}\` of a pod`;
  if (evidence === 'key') return `the name \`${namedBy ?? key ?? 'image'}\` says that it is an image`;
  const own = text.includes('@')
    ? 'a digest'
    : /^[^/.:]*[.:][^/]*\//.test(text)
      ? 'a registry and a tag'
      : text.includes('/')
        ? 'a path and a version'
        : 'a name and a version';
  if (evidence === 'none') return `no name says that it is an image, but it has ${own}`;
  return `the name \`${namedBy ?? key ?? 'images'}\` around it speaks of images, and it has ${own}`;
}

function togetherBecause(parts: NonNullable<Judged['parts']>): string {
  return `put together from ${parts.map(({ role, path }) => `${role} (${path})`).join(', ')}`;
}

/** Returns why a text is not a reference, or needs stronger evidence. */
export function rejectedBecause(rejection: Rejection, text: string, evidence: Evidence, around: Around): string {
  if (rejection === 'shape' || rejection === 'grammar') return illFormed(text);
  if (rejection === 'untagged') {
    // Prefer a reason that holds whatever the key is.
    const anyway = assess(text, 'key');
    if (typeof anyway === 'string') return rejectedBecause(anyway, text, 'key', around);
    const missing = hostOf(text) === undefined ? 'no registry, no tag' : 'no tag, no digest';
    return `${missing}, and ${unnamed(evidence, around)}`;
  }
  const host = hostOf(text) ?? '';
  const tag = text.slice(text.lastIndexOf(':') + 1);
  const reasons: Record<Exclude<Rejection, 'shape' | 'grammar' | 'untagged'>, string> = {
    placeholder: `\`${text}\` is a switch or a placeholder, not a name of an image`,
    'capital-host': `\`${host}\` has capital letters: neither a registry nor a part of a path is written so`,
    file: 'it looks like a file name',
    'machine-image': "it looks like a cloud's machine image",
    'media-type': 'it is a media type',
    identifier: 'it is an identifier or a version: no image without a registry is named so',
    'source-host': `${host} hosts source code, not images`,
    'service-host': `\`${host}\` is an address inside a cluster or of this machine, not a registry`,
    'no-host': `\`${host}\` is no registry: it has neither a dot nor a port`,
    port: `\`${tag}\` is a port, not a tag`,
    'odd-tag': `\`${tag}\` does not look like a tag, and ${unnamed(evidence, around)}`,
    unversioned: `no registry, \`${tag}\` is no version, and ${unnamed(evidence, around)}`,
    'one-word': `a single word with a tag may be anything, and ${unnamed(evidence, around)}`,
  };
  return reasons[rejection];
}

function unnamed(evidence: Evidence, { key, namedBy, script }: Around): string {
  if (script && key !== undefined && /image/i.test(key)) {
    return `\`${key}\` is a name in code, where names are their author's own`;
  }
  if (evidence === 'context') return `the name \`${namedBy ?? key ?? 'images'}\` around it is not enough for that`;
  if (key === undefined) return 'nothing around it says that it is an image';
  return `the key \`${key}\` does not say that it is an image`;
}

function illFormed(text: string): string {
  if (text.includes('://')) return 'it is a URL, not a reference';
  if (/\s/.test(text)) return 'it is more than one word';
  if (/^[./~]/.test(text)) return 'it begins like a path of files';
  if (/^[a-f0-9]{64}$/.test(text)) return 'it is the identifier of a local image, for which no registry can be asked';
  if (tryParseReference(text.toLowerCase()) !== undefined) return 'the path of a reference has lower-case letters only';
  if (text.includes('@')) return 'what stands around the `@` is not a name and a whole digest';
  return 'it has not the form registry/path/name:tag@digest';
}

function hostOf(text: string): string | undefined {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  return /[.:A-Z]/.test(first) || first === 'localhost' ? first : undefined;
}

/** For a query inside a text that was not unpacked. */
function closedBecause(text: string, evidence: Evidence): string {
  return evidence !== 'none' || mayHoldReference(text)
    ? 'the text around it is nested too deeply to be taken apart'
    : 'nothing in the text around it has the form of a reference, so it is not taken apart';
}

/** For a query inside an unpacked text, but in none of its parts. */
function lostBecause(text: string, asked: string): string {
  const line = text.split('\n').find((one) => one.includes(asked)) ?? '';
  return withoutComment(line).includes(asked)
    ? 'it is a key of the text around it, or several words of it; only values are read, word by word'
    : 'it stands in a comment';
}

/** Returns why a value was skipped in an object of this kind. */
export function omittedBecause({ why, value, around: { key } }: Omitted, kind: string): string {
  switch (why) {
    case 'kind':
      return silentBecause(value as Mapping);
    case 'field':
      return `it is a plain field of a ${kind}: Kubernetes' own kinds take images in pod specs only`;
    case 'name':
      return /^[a-z_]\w*$/i.test(key ?? '')
        ? `it stands below \`${key}\`, where nothing is pulled from`
        : `\`${key}\` is a document or an example`;
    case 'metadata':
      return "an object's own name and labels are no images";
    case 'status':
      return 'it stands below `status`, which a controller writes';
    case 'part':
      return `\`${key}\` is one part of a reference, and no field beside it has the rest`;
  }
}

function silentBecause({ kind }: Mapping): string {
  return kind === 'CustomResourceDefinition'
    ? "text of a custom resource's schema is no evidence"
    : `a ${String(kind)} names and permits things, and pulls nothing`;
}

/** For a query inside a manifest, but in none of its values. */
export function unseenBecause(object: Mapping): string {
  if (Object.keys(object).length === 0) return 'the manifest is no YAML mapping, so nothing in it is read';
  if (isSilent(object.kind)) return silentBecause(object);
  return 'it stands in no text value there: it is a key, a number, a comment, or what a value is encoded as';
}

/** For a reference in a manifest that the search does not parse. */
export function unreadBecause(): string {
  return 'nothing in the manifest has the form of a reference or is named an image, so it is not looked into';
}
