import type { Mapping } from '../../base/mapping.ts';
import { tryParseReference } from '../../oci/reference.ts';
import { assess, type Rejection } from '../candidate.ts';
import type { Evidence } from '../key-evidence.ts';
import type { MatchContext, OmissionEvent, TextEvent } from '../match.ts';
import { withoutComment } from '../payload.ts';
import { isIgnoredKind, mayContainReference } from '../relevance.ts';

/** The context that reasons refer to. Reasons are for users: one sentence each, without a full stop. */
type NameContext = Pick<MatchContext, 'key' | 'namedBy' | 'inScript'>;

/** Returns why an assessed text was accepted or rejected. `query` is the text that the user asked about. */
export function assessmentReason(event: TextEvent, query: string): string {
  const { text, assessment, evidence, context, match, parts, isUnpacked } = event;
  if (typeof assessment === 'string') {
    const isPartOfText = assessment === 'shape' && /\s/.test(text) && text !== query;
    if (!isPartOfText) return rejectedReason(assessment, text, evidence, context);
    return isUnpacked ? notInPartsReason(text, query) : notUnpackedReason(text, evidence);
  }
  const reason = parts === undefined ? acceptedReason(text, evidence, context) : joinedReason(parts);
  if (match?.confidence !== 'possible') return reason;
  const doubt = match.disabled ? 'it is below a disabled component' : 'any word may occur in a script';
  return `${reason}; only possible because ${doubt}`;
}

/** Returns why a text is accepted. */
export function acceptedReason(text: string, evidence: Evidence, { key, namedBy }: NameContext): string {
  if (evidence === 'typed') return `Kubernetes pulls the image in the pod field \`${key ?? 'image'}\``;
  if (evidence === 'artifact') return `the controller of the resource pulls it, named in \`${key ?? 'url'}\``;
  if (evidence === 'key') return `the key \`${namedBy ?? key ?? 'image'}\` names an image`;
  const form = text.includes('@')
    ? 'a digest'
    : /^[^/.:]*[.:][^/]*\//.test(text)
      ? 'a registry and a tag'
      : text.includes('/')
        ? 'a path and a version'
        : 'a name and a version';
  if (evidence === 'none') return `no key names an image, but the text has ${form}`;
  return `the enclosing key \`${namedBy ?? key ?? 'images'}\` refers to images, and the text has ${form}`;
}

function joinedReason(parts: NonNullable<TextEvent['parts']>): string {
  return `joined from ${parts.map(({ role, path }) => `${role} (${path})`).join(', ')}`;
}

/** Returns why a text is not a reference, or needs stronger evidence. */
export function rejectedReason(rejection: Rejection, text: string, evidence: Evidence, context: NameContext): string {
  if (rejection === 'shape' || rejection === 'grammar') return malformedReason(text);
  if (rejection === 'untagged') {
    // Prefer a reason that holds whatever the key is.
    const withKey = assess(text, 'key');
    if (typeof withKey === 'string') return rejectedReason(withKey, text, 'key', context);
    const missing = hostOf(text) === undefined ? 'no registry and no tag' : 'no tag and no digest';
    return `${missing}, and ${missingNameReason(evidence, context)}`;
  }
  const host = hostOf(text) ?? '';
  const tag = text.slice(text.lastIndexOf(':') + 1);
  const reasons: Record<Exclude<Rejection, 'shape' | 'grammar' | 'untagged'>, string> = {
    placeholder: `\`${text}\` is a keyword or a placeholder, not the name of an image`,
    'capital-host': `\`${host}\` contains upper-case letters, which registries and paths never do`,
    file: 'it looks like a file name',
    'machine-image': 'it looks like the machine image of a cloud',
    'media-type': 'it is a media type',
    identifier: 'it is an identifier or a version, not the name of an official image',
    source: 'its key, or a field beside it, is about source code: it is a repository of that, not an image',
    'source-host': `${host} hosts source code, not images`,
    'service-host': `\`${host}\` is an address in a cluster or on this machine, not a registry`,
    'no-host': `\`${host}\` is not a registry: it has neither a dot nor a port`,
    port: `\`${tag}\` is a port, not a tag`,
    'odd-tag': `\`${tag}\` does not look like a tag, and ${missingNameReason(evidence, context)}`,
    unversioned: `no registry, \`${tag}\` is not a version, and ${missingNameReason(evidence, context)}`,
    'one-word': `a single word with a tag is ambiguous, and ${missingNameReason(evidence, context)}`,
  };
  return reasons[rejection];
}

function missingNameReason(evidence: Evidence, { key, namedBy, inScript }: NameContext): string {
  if (inScript && key !== undefined && /image/i.test(key)) {
    return `\`${key}\` is a name in code, where names are arbitrary`;
  }
  if (evidence === 'context') return `the enclosing key \`${namedBy ?? key ?? 'images'}\` alone is not enough`;
  if (key === undefined) return 'no key names an image';
  return `the key \`${key}\` does not name an image`;
}

function malformedReason(text: string): string {
  if (text.includes('://')) return 'it is a URL, not a reference';
  if (/\s/.test(text)) return 'it is more than one word';
  if (/^[./~]/.test(text)) return 'it begins like a file path';
  if (/^[a-f0-9]{64}$/.test(text)) return 'it is the ID of a local image, which registries do not serve';
  if (tryParseReference(text.toLowerCase()) !== undefined)
    return 'the path of a reference may contain only lower-case letters';
  if (text.includes('@')) return 'the `@` is not between a name and a complete digest';
  return 'it does not have the form registry/path/name:tag@digest';
}

function hostOf(text: string): string | undefined {
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  return /[.:A-Z]/.test(first) || first === 'localhost' ? first : undefined;
}

/** For a query inside a text that was not unpacked. */
function notUnpackedReason(text: string, evidence: Evidence): string {
  return evidence !== 'none' || mayContainReference(text)
    ? 'the enclosing text is nested too deeply to be unpacked'
    : 'nothing in the enclosing text looks like a reference, so it is not unpacked';
}

/** For a query inside an unpacked text, but in none of its parts. */
function notInPartsReason(text: string, query: string): string {
  const line = text.split('\n').find((textLine) => textLine.includes(query)) ?? '';
  return withoutComment(line).includes(query)
    ? 'it is a key of the enclosing text, or spans several words; only values are searched, word by word'
    : 'it is in a comment';
}

/** Returns why a value was skipped in an object of this kind. */
export function omittedReason({ reason, value, context: { key } }: OmissionEvent, kind: string): string {
  switch (reason) {
    case 'kind':
      return ignoredKindReason(value as Mapping);
    case 'field':
      return `it is an ordinary field of a ${kind}: in Kubernetes kinds only pod specs contain images`;
    case 'name':
      return /^[a-z_]\w*$/i.test(key ?? '')
        ? `it is below \`${key}\`, where no image is pulled from`
        : `\`${key}\` is a document or an example`;
    case 'metadata':
      return 'names and labels of objects are not images';
    case 'status':
      return 'it is below `status`, which a controller writes';
    case 'part':
      return `\`${key}\` is one part of a reference, and the other parts are missing`;
  }
}

function ignoredKindReason({ kind }: Mapping): string {
  return kind === 'CustomResourceDefinition'
    ? 'schemas of custom resources are no evidence'
    : `a ${String(kind)} names or permits objects, and pulls nothing`;
}

/** For a query inside a manifest, but in none of its values. */
export function notAValueReason(object: Mapping): string {
  if (Object.keys(object).length === 0) return 'the manifest is not a YAML mapping, so it is not searched';
  if (isIgnoredKind(object.kind)) return ignoredKindReason(object);
  return 'it is not in a text value: it is a key, a number, a comment, or part of an encoded value';
}

/** For a reference in a manifest that the search does not parse. */
export function unparsedReason(): string {
  return 'nothing in the manifest looks like a reference or a key that names an image, so it is not parsed';
}
