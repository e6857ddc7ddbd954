import { formatReference, type Reference, tryParseReference, tryParseRepository } from '../../oci/reference.ts';

/** Text that is a complete image name. */
export interface WholeName {
  readonly parsed: Reference;
  /** Kind of host in the text: a known registry, another host, or none. */
  readonly hostKind: 'registry' | 'other' | 'none';
}

/** Name with a placeholder for its version: the text before and after it. */
export interface NameTemplate {
  readonly before: string;
  readonly after: string;
  /** Name of the placeholder in `${NAME}`. */
  readonly variable?: string;
}

const MAX_NAME_LENGTH = 300;
const NAME_SHAPE = /^[A-Za-z0-9][\w./:@-]*[A-Za-z0-9_]$/;
const REGISTRY =
  /^(?:[\w.-]+\.)?(?:docker\.io|quay\.io|ghcr\.io|gcr\.io|icr\.io|lscr\.io|nvcr\.io|registry\.k8s\.io|public\.ecr\.aws|mcr\.microsoft\.com|pkg\.dev|azurecr\.io|amazonaws\.com|jfrog\.io|docker\.elastic\.co|opensource\.zalan\.do)$/;
const ORGANIZATION = /^(?:quay\.io|ghcr\.io|(?:\w+\.)?gcr\.io|lscr\.io|public\.ecr\.aws)\/[^/:]+$/;
/** Typical host names of company registries. */
const COMPANY_REGISTRY =
  /^(?:registry|docker|cr|hub|harbor|oci|quay|xpkg|images?|containers?|container-registry|artifactory|nexus|repo)[\w-]*\.[\w.-]+\.[a-z]{2,}(?::\d+)?$/;
/** Hosts that cannot be pulled from: examples and cluster-internal addresses. */
const UNREACHABLE =
  /(?:^|\.)(?:example|examples|test|invalid|local|localdomain|internal|svc|cluster|corp|lan)(?::\d+)?$|\.svc[.:]|(?:^|\.)example\.\w+|^localhost|^127\.|^0\./;
/** Hosts of source code, import paths and API groups. */
const NON_IMAGE_HOSTS =
  /^(?:github\.com|gitlab\.com|bitbucket\.org|golang\.org|gopkg\.in|go\.uber\.org|google\.golang\.org|(?:[\w-]+\.)*(?:k8s|kubernetes)\.io)$/;
/** Words of example names. */
const EXAMPLE_NAME =
  /(?:^|[/.-])(?:my|your|some|foo|bar|baz|acme|example|examples|sample|dummy|placeholder|username|yourorg|myregistry|myrepo)(?:[/.-]|$)/;
/** Placeholder words in place of a tag. */
const PLACEHOLDER_TAG = /^(?:v|tag|version|x\.y\.z|vx\.y\.z|digest|name|port|a|b|c|x|foo|bar)$/i;
/** IP addresses, and 0.0.0 for a missing version. */
const NOT_A_VERSION = /^(?:v?0\.0\.0|\d+\.\d+\.\d+\.\d+)$/;
const PORT = /^\d{2,5}$/;
const MIME = /^(?:image|application|text|video|audio|font|multipart|message|model)\//;
const VERSION = /^v?\d+\.\d(?:[-+_.]?[A-Za-z0-9])*$/;
/** Tags of official Docker Hub images with a major version and a base: `16-alpine`. */
const BASE_IMAGE_VARIANT =
  /^\d{1,4}-(?:alpine|slim|management|bookworm|bullseye|buster|trixie|jammy|focal|noble|ubi\d)(?:[\w.-]*)$/;
const RELEASE = /^(?:[A-Z]+\.)?20\d\d-\d\d-\d\d(?:T[\d-]+Z)?$/;
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** `org/name` in lower case; no dot before the slash, unlike import paths and addresses. */
const SHORT_NAME = /^[a-z0-9][a-z0-9_-]*\/[a-z0-9][a-z0-9_.-]*(?:\/[a-z0-9][a-z0-9_.-]*)?$/;
/** A name in lower case and a tag. Any two words with a colon match too. */
const LOOSE_NAME = /^[a-z0-9][\w./-]*:[\w][\w.-]*$/;
/** Setting, flag or environment variable whose name says image; no file names, no pull settings. */
const IMAGE_SETTING = /^(?!.*(?:pull|\.(?:tar|t?gz|png|svg|go|ya?ml|json)$))[\w.-]{0,60}image(?!s?tream)[\w.-]{0,60}$/i;
const PLACEHOLDER = /%(?:\[\d+\])?[svq]|\$\{?\(?([A-Za-z_]\w*)\)?\}?|\{\{[^{}]*\}\}/g;

/**
 * Parses a text as a complete image name with a tag or digest; undefined if uncertain. A known registry is sufficient;
 * other hosts and short names of Docker Hub need a digit in the tag.
 */
export function wholeName(text: string): WholeName | undefined {
  if (text.length > MAX_NAME_LENGTH || !NAME_SHAPE.test(text)) return undefined;
  const name = text.split('@')[0] ?? '';
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const isPinned = text.includes('@sha256:');
  if (
    (tag === undefined && !isPinned) ||
    (tag !== undefined && PLACEHOLDER_TAG.test(tag)) ||
    NOT_A_VERSION.test(tag ?? '')
  ) {
    return undefined;
  }
  const hostKind = hostKindOf(name);
  const parsed = hostKind === 'excluded' ? undefined : tryParseReference(text);
  if (hostKind === 'excluded' || parsed === undefined) return undefined;
  if (hostKind === 'registry' || isPinned) return { parsed, hostKind };
  if (tag === undefined || !/\d/.test(tag) || PORT.test(tag)) return undefined;
  if (
    hostKind === 'none' &&
    (MIME.test(name) || (!name.includes('/') && !VERSION.test(tag) && !BASE_IMAGE_VARIANT.test(tag)))
  )
    return undefined;
  return { parsed, hostKind };
}

/** Parses a text that needs an image setting, field or function as evidence: `org/name:latest`, `busybox:stable`. */
export function looseName(text: string): WholeName | undefined {
  if (!LOOSE_NAME.test(text) || /^\w+:\d{2,5}$/.test(text)) return undefined;
  const parsed = tryParseReference(text);
  return parsed === undefined || wholeName(formatReference(parsed)) === undefined
    ? undefined
    : { parsed, hostKind: 'none' };
}

/** Returns the text if it is a repository with registry and without tag, such as `quay.io/prometheus/prometheus`. */
export function bareRepository(text: string): string | undefined {
  if (
    text.length > MAX_NAME_LENGTH ||
    !NAME_SHAPE.test(text) ||
    text.slice(text.lastIndexOf('/') + 1).includes(':') ||
    text.includes('@')
  )
    return undefined;
  if (hostKindOf(text) !== 'registry' || tryParseRepository(text) === undefined) return undefined;
  return text.indexOf('/') === text.length - 1 ? undefined : text;
}

/** Reports whether a text is an organization, as `quay.io/org`, on a registry where every repository has one. */
export function isOrganization(text: string): boolean {
  return ORGANIZATION.test(text);
}

/** Parses a name with a placeholder for its version, such as `quay.io/org/name:%s`, or with a colon at its end. */
export function nameTemplateOf(text: string): NameTemplate | undefined {
  if (text.length > MAX_NAME_LENGTH || /\s/.test(text)) return undefined;
  const placeholders = [...text.matchAll(PLACEHOLDER)];
  const [placeholder] = placeholders;
  if (placeholders.length > 1) return undefined;
  const before = placeholder === undefined ? text : text.slice(0, placeholder.index);
  const after = placeholder === undefined ? '' : text.slice(placeholder.index + placeholder[0].length);
  if (placeholder === undefined && !/:v?$/.test(text)) return undefined;
  // The placeholder must be in the tag.
  if (!/:[\w.-]*$/.test(before) || !/^[\w.-]*$/.test(after)) return undefined;
  const name = before.slice(0, before.lastIndexOf(':'));
  const hostKind = hostKindOf(name);
  if (hostKind === 'excluded' || tryParseRepository(name) === undefined || !name.includes('/') || MIME.test(name)) {
    return undefined;
  }
  // Many messages end in a word and a colon, so `org/name:` without a registry needs a placeholder.
  if (placeholder === undefined && hostKind !== 'registry') return undefined;
  const variable = placeholder?.[1];
  return { before, after, ...(variable === undefined ? {} : { variable }) };
}

/** Returns the default of a setting if it is a repository; `org/name` is on Docker Hub. */
export function defaultRepository(text: string): string | undefined {
  const isName =
    /^[a-z0-9][\w.-]*(?:\/[a-z0-9][\w.-]*)+$/.test(text) && !MIME.test(text) && text.length <= MAX_NAME_LENGTH;
  return isName && hostKindOf(text) !== 'excluded' && tryParseRepository(text) !== undefined ? text : undefined;
}

/** Reports whether a text is a version as used in tags: several numbers, or a date; no IP address, not 0.0.0. */
export function isVersion(text: string): boolean {
  if (text.length < 3 || text.length > 60 || /^v?0\.0\.0/.test(text) || ADDRESS.test(text)) return false;
  return VERSION.test(text) || RELEASE.test(text);
}

/** Reports whether a text is a SHA-256 digest as used in references. */
export function isSha256Digest(text: string): boolean {
  return DIGEST.test(text);
}

/** Returns the text if it may be a Docker Hub repository. Most such constants are something else. */
export function shortRepository(text: string): string | undefined {
  return SHORT_NAME.test(text) && hostKindOf(text) === 'none' && !MIME.test(text) ? text : undefined;
}

/** Reports whether a text is the name of a setting whose value is an image. */
export function isImageSetting(text: string): boolean {
  return IMAGE_SETTING.test(text);
}

/** Registries shared by many publishers; any other belongs to one. */
const SHARED_REGISTRY =
  /(?:^|\.)(?:docker\.io|quay\.io|ghcr\.io|gcr\.io|registry\.k8s\.io|public\.ecr\.aws|mcr\.microsoft\.com|pkg\.dev|amazonaws\.com|azurecr\.io|jfrog\.io|registry\.access\.redhat\.com|registry\.redhat\.io|registry\.gitlab\.com|lscr\.io|localhost)(?::\d+)?$/;

/**
 * Returns the publishers of an image by its name: the organization (`minio` of `quay.io/minio/operator`), and the
 * registry if it belongs to one company.
 */
export function publishersOf({ registry, path }: Pick<Reference, 'registry' | 'path'>): string[] {
  const [first = '', second] = path.split('/');
  // Official images of Docker Hub (`library`) have various publishers.
  const organization = second === undefined || first === 'library' ? [] : [first];
  return SHARED_REGISTRY.test(registry) || !registry.includes('.') ? organization : [...organization, registry];
}

/** Reports whether a tag is likely to be moved to other images, as `latest` is. */
export function isMovingTag({ tag, digest }: Reference): boolean {
  if (digest !== undefined) return false;
  return (
    tag === undefined || !/\d/.test(tag) || /^(?:latest|main|master|nightly|dev|devel|edge|canary|test|e2e)\b/.test(tag)
  );
}

/** Returns the normalized reference; undefined if the text is not a reference. */
export function normalizedName(text: string): string | undefined {
  const parsed = tryParseReference(text);
  return parsed === undefined ? undefined : formatReference(parsed);
}

function hostKindOf(name: string): WholeName['hostKind'] | 'excluded' {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (EXAMPLE_NAME.test(name)) return 'excluded';
  if (!/[.:]/.test(first)) return first === first.toLowerCase() && first !== 'localhost' ? 'none' : 'excluded';
  if (REGISTRY.test(first)) return 'registry';
  if (UNREACHABLE.test(first) || NON_IMAGE_HOSTS.test(first)) return 'excluded';
  return COMPANY_REGISTRY.test(first) ? 'registry' : 'other';
}
