import { formatReference, type Reference, tryParseReference, tryParseRepository } from '../oci/reference.ts';

/** A constant that is an image's name, whole. */
export interface WholeName {
  readonly parsed: Reference;
  /** How much the text says by itself that it is one. */
  readonly host: 'registry' | 'other' | 'none';
}

/** A constant into which a version is put: what stands before and behind it. */
export interface Template {
  readonly before: string;
  readonly after: string;
  /** The name in `${NAME}`. */
  readonly variable?: string;
}

const LONGEST = 300;
const SHAPE = /^[A-Za-z0-9][\w./:@-]*[A-Za-z0-9_]$/;
const REGISTRY =
  /^(?:[\w.-]+\.)?(?:docker\.io|quay\.io|ghcr\.io|gcr\.io|icr\.io|lscr\.io|nvcr\.io|registry\.k8s\.io|public\.ecr\.aws|mcr\.microsoft\.com|pkg\.dev|azurecr\.io|amazonaws\.com|jfrog\.io|docker\.elastic\.co|opensource\.zalan\.do)$/;
const ORGANISATION = /^(?:quay\.io|ghcr\.io|(?:\w+\.)?gcr\.io|lscr\.io|public\.ecr\.aws)\/[^/:]+$/;
/** How companies name a registry of their own. */
const LIKE_REGISTRY =
  /^(?:registry|docker|cr|hub|harbor|oci|quay|xpkg|images?|containers?|container-registry|artifactory|nexus|repo)[\w-]*\.[\w.-]+\.[a-z]{2,}(?::\d+)?$/;
/** Hosts that nobody can pull from: examples, addresses within a cluster. */
const UNREACHABLE =
  /(?:^|\.)(?:example|examples|test|invalid|local|localdomain|internal|svc|cluster|corp|lan)(?::\d+)?$|\.svc[.:]|(?:^|\.)example\.\w+|^localhost|^127\.|^0\./;
/** Hosts of sources, of import paths and of API groups. */
const NO_IMAGES =
  /^(?:github\.com|gitlab\.com|bitbucket\.org|golang\.org|gopkg\.in|go\.uber\.org|google\.golang\.org|(?:[\w-]+\.)*(?:k8s|kubernetes)\.io)$/;
/** Words of made-up names. */
const MADE_UP =
  /(?:^|[/.-])(?:my|your|some|foo|bar|baz|acme|example|examples|sample|dummy|placeholder|username|yourorg|myregistry|myrepo)(?:[/.-]|$)/;
/** Words that stand where a tag belongs. */
const NO_TAG = /^(?:v|tag|version|x\.y\.z|vx\.y\.z|digest|name|port|a|b|c|x|foo|bar)$/i;
/** What marks that there is no version, and addresses. */
const NO_VERSION = /^(?:v?0\.0\.0|\d+\.\d+\.\d+\.\d+)$/;
const PORT = /^\d{2,5}$/;
const MIME = /^(?:image|application|text|video|audio|font|multipart|message|model)\//;
const VERSION = /^v?\d+\.\d(?:[-+_.]?[A-Za-z0-9])*$/;
/** How Docker Hub's own images say a version of one number: `16-alpine`. */
const ON_A_BASE =
  /^\d{1,4}-(?:alpine|slim|management|bookworm|bullseye|buster|trixie|jammy|focal|noble|ubi\d)(?:[\w.-]*)$/;
const RELEASE = /^(?:[A-Z]+\.)?20\d\d-\d\d-\d\d(?:T[\d-]+Z)?$/;
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** `org/name`, in small letters and without dots before the slash, unlike import paths and addresses. */
const SHORT = /^[a-z0-9][a-z0-9_-]*\/[a-z0-9][a-z0-9_.-]*(?:\/[a-z0-9][a-z0-9_.-]*)?$/;
/** A name and a tag in small letters, of which any two words with a colon have the look. */
const LOOSE = /^[a-z0-9][\w./-]*:[\w][\w.-]*$/;
/** A name that says image: of a setting, a flag, a variable of the environment; not of a file, nor of how to pull. */
const SETTING = /^(?!.*(?:pull|\.(?:tar|t?gz|png|svg|go|ya?ml|json)$))[\w.-]{0,60}image(?!s?tream)[\w.-]{0,60}$/i;
const PLACEHOLDER = /%(?:\[\d+\])?[svq]|\$\{?\(?([A-Za-z_]\w*)\)?\}?|\{\{[^{}]*\}\}/g;

/**
 * Reads a whole constant as an image's name with a tag or a digest; undefined when it is not surely one. A known
 * registry is enough; any other host, and Docker Hub's short names, ask for a digit in the tag.
 */
export function wholeName(text: string): WholeName | undefined {
  if (text.length > LONGEST || !SHAPE.test(text)) return undefined;
  const name = text.split('@')[0] ?? '';
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const isPinned = text.includes('@sha256:');
  if ((tag === undefined && !isPinned) || (tag !== undefined && NO_TAG.test(tag)) || NO_VERSION.test(tag ?? '')) {
    return undefined;
  }
  const host = hostOf(name);
  const parsed = host === 'wrong' ? undefined : tryParseReference(text);
  if (host === 'wrong' || parsed === undefined) return undefined;
  if (host === 'registry' || isPinned) return { parsed, host };
  if (tag === undefined || !/\d/.test(tag) || PORT.test(tag)) return undefined;
  if (host === 'none' && (MIME.test(name) || (!name.includes('/') && !VERSION.test(tag) && !ON_A_BASE.test(tag))))
    return undefined;
  return { parsed, host };
}

/** Reads what only a setting, a field or a function that says image makes a name: `org/name:latest`, `busybox:stable`. */
export function looseName(text: string): WholeName | undefined {
  if (!LOOSE.test(text) || /^\w+:\d{2,5}$/.test(text)) return undefined;
  const parsed = tryParseReference(text);
  return parsed === undefined || wholeName(formatReference(parsed)) === undefined
    ? undefined
    : { parsed, host: 'none' };
}

/** Reads a constant as a repository with its registry and without a tag, `quay.io/prometheus/prometheus`. */
export function bareRepository(text: string): string | undefined {
  if (
    text.length > LONGEST ||
    !SHAPE.test(text) ||
    text.slice(text.lastIndexOf('/') + 1).includes(':') ||
    text.includes('@')
  )
    return undefined;
  if (hostOf(text) !== 'registry' || tryParseRepository(text) === undefined) return undefined;
  return text.indexOf('/') === text.length - 1 ? undefined : text;
}

/** Whether a text is an organisation of a registry where every repository has one: `quay.io/org`. */
export function isOrganisation(text: string): boolean {
  return ORGANISATION.test(text);
}

/** Reads a constant as a name into which a version is put, `quay.io/org/name:%s`, or to which it is added, `org/name:`. */
export function templateOf(text: string): Template | undefined {
  if (text.length > LONGEST || /\s/.test(text)) return undefined;
  const places = [...text.matchAll(PLACEHOLDER)];
  const [place] = places;
  if (places.length > 1) return undefined;
  const before = place === undefined ? text : text.slice(0, place.index);
  const after = place === undefined ? '' : text.slice(place.index + place[0].length);
  if (place === undefined && !/:v?$/.test(text)) return undefined;
  // Where the version stands has to be the tag.
  if (!/:[\w.-]*$/.test(before) || !/^[\w.-]*$/.test(after)) return undefined;
  const name = before.slice(0, before.lastIndexOf(':'));
  const host = hostOf(name);
  if (host === 'wrong' || tryParseRepository(name) === undefined || !name.includes('/') || MIME.test(name)) {
    return undefined;
  }
  // A word and a colon stand in many messages; `org/name:` needs a placeholder to be told from them.
  if (place === undefined && host !== 'registry') return undefined;
  const variable = place?.[1];
  return { before, after, ...(variable === undefined ? {} : { variable }) };
}

/** Reads the default of a setting as a repository, where Docker Hub's needs no registry: `org/name`. */
export function defaultRepository(text: string): string | undefined {
  const isName = /^[a-z0-9][\w.-]*(?:\/[a-z0-9][\w.-]*)+$/.test(text) && !MIME.test(text) && text.length <= LONGEST;
  return isName && hostOf(text) !== 'wrong' && tryParseRepository(text) !== undefined ? text : undefined;
}

/** Whether a text is a version as tags have them: three numbers or so, or a date. No address, and no mark for none. */
export function isVersion(text: string): boolean {
  if (text.length < 3 || text.length > 60 || /^v?0\.0\.0/.test(text) || ADDRESS.test(text)) return false;
  return VERSION.test(text) || RELEASE.test(text);
}

/** Whether a text is a digest as references have them. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Reads a constant as a repository of Docker Hub without its version. Most such constants are something else. */
export function shortRepository(text: string): string | undefined {
  return SHORT.test(text) && hostOf(text) === 'none' && !MIME.test(text) ? text : undefined;
}

/** Whether a text is the name of a setting whose value is an image. */
export function isImageSetting(text: string): boolean {
  return SETTING.test(text);
}

/** Registries that everybody publishes on; any other is its makers' own. */
const SHARED =
  /(?:^|\.)(?:docker\.io|quay\.io|ghcr\.io|gcr\.io|registry\.k8s\.io|public\.ecr\.aws|mcr\.microsoft\.com|pkg\.dev|amazonaws\.com|azurecr\.io|jfrog\.io|registry\.access\.redhat\.com|registry\.redhat\.io|registry\.gitlab\.com|lscr\.io|localhost)(?::\d+)?$/;

/**
 * Who publishes an image, as far as its name tells: the organisation, `minio` of `quay.io/minio/operator`, and the
 * registry where that is one company's.
 */
export function makersOf({ registry, path }: Pick<Reference, 'registry' | 'path'>): string[] {
  const [first = '', second] = path.split('/');
  // What everybody shares says nothing of who published it.
  const organisation = second === undefined || first === 'library' ? [] : [first];
  return SHARED.test(registry) || !registry.includes('.') ? organisation : [...organisation, registry];
}

/** Whether a tag says what it is, and will be the same tomorrow. */
export function isMovingTag({ tag, digest }: Reference): boolean {
  if (digest !== undefined) return false;
  return (
    tag === undefined || !/\d/.test(tag) || /^(?:latest|main|master|nightly|dev|devel|edge|canary|test|e2e)\b/.test(tag)
  );
}

/** The normalised name of a text that is one. */
export function normalised(text: string): string | undefined {
  const parsed = tryParseReference(text);
  return parsed === undefined ? undefined : formatReference(parsed);
}

function hostOf(name: string): WholeName['host'] | 'wrong' {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  if (MADE_UP.test(name)) return 'wrong';
  if (!/[.:]/.test(first)) return first === first.toLowerCase() && first !== 'localhost' ? 'none' : 'wrong';
  if (REGISTRY.test(first)) return 'registry';
  if (UNREACHABLE.test(first) || NO_IMAGES.test(first)) return 'wrong';
  return LIKE_REGISTRY.test(first) ? 'registry' : 'other';
}
