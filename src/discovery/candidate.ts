import type { Confidence } from '../inventory/finding.ts';
import { formatReference, schemeOf, tryParseReference } from '../oci/reference.ts';
import type { Evidence } from './key-evidence.ts';

/** A text accepted as an image reference. */
export interface Verdict {
  /** Normalized: registry, library/ and tag filled in. */
  readonly reference: string;
  readonly confidence: Confidence;
}

/**
 * Reason why a text is not an image reference. A plain string, because most texts are rejected and an object each would
 * be costly.
 */
export type Rejection =
  | 'shape' // too long, or with characters that no reference contains: prose, most URLs, numbers with units
  | 'grammar' // rejected by the grammar of references
  | 'placeholder' // a boolean-like word, or a placeholder for an injector
  | 'capital-host'
  | 'untagged' // no tag, no digest, and no key that names an image
  | 'file'
  | 'machine-image' // a cloud's machine image: AMIs, image paths of Google and Azure
  | 'media-type'
  | 'identifier' // a single word that is not a valid name of an official image
  | 'source-host'
  | 'source' // the name of a repository of source code
  | 'service-host'
  | 'no-host' // the first component has neither a dot nor a port
  | 'port' // the text after the colon is a port
  | 'odd-tag' // host without a key: the text after the colon does not look like a tag
  | 'unversioned' // neither host nor key: the tag is not a version
  | 'one-word'; // `name:1.2` without a surrounding key that names an image

const MAX_LENGTH = 400;
const SHAPE = /^[A-Za-z0-9][\w./:@+-]*[A-Za-z0-9_]$/;
const FILE_NAME =
  /\.(?:png|svg|jpe?g|gif|ico|webp|iso|img|qcow2|vmdk|ya?ml|json|sh|py|conf|cfg|ini|toml|txt|md|html?|css|js|tgz|tar|gz|zip|jar|so|sock|log|crt|pem|key|db|properties|xml|tpl|tmpl|go)$/i;
/** Values of an `image` field that are no references: booleans, policies, and placeholders for injectors. */
const PLACEHOLDERS = new Set(
  'auto default none null nil true false yes no on off enabled disabled latest stable always never string image name tag'.split(
    ' ',
  ),
);
const MIME = /^(?:image|application|text|video|audio|font)\/[\w.+-]+$/;
/** Source code hosts: their paths look like images but never are. */
const SOURCE_HOSTS = new Set([
  ...[
    'github.com',
    'www.github.com',
    'gitlab.com',
    'bitbucket.org',
    'golang.org',
    'gopkg.in',
    'dev.azure.com',
    'raw.githubusercontent.com',
  ],
]);

/** Reports whether a text is the host of source code, or begins with it. */
export function isSourceHost(text: string): boolean {
  return SOURCE_HOSTS.has(text.split('/')[0] ?? '');
}

const VERSION_TAG = /^v?\d+\.\d+/;
const NAMED_TAG = /\d|^(?:latest|stable|edge|main|master|nightly|dev|release|alpine|slim|debian|ubuntu)/;
/** Names of official images. Words joined by underscores or dots are identifiers of something else. */
const OFFICIAL_NAME = /^[a-z][a-z0-9-]*$/;
const PORT_TAG = /^\d{4,5}$/;

/**
 * Decides whether a text is an image reference, or returns the reason why not. Weaker evidence from the key requires
 * more of the text: `nginx` is enough after a key that names an image; otherwise the text needs a registry host and a
 * tag, a path and a version, or a digest.
 */
export function assess(text: string, evidence: Evidence): Verdict | Rejection {
  const scheme = schemeOf(text);
  const written = scheme === 'docker://' || evidence === 'artifact' ? text.slice(scheme.length) : text;
  if (written.length > MAX_LENGTH || !SHAPE.test(written)) return 'shape';
  const parsed = tryParseReference(written);
  if (parsed === undefined) return 'grammar';
  if (PLACEHOLDERS.has(written)) return 'placeholder';
  if (evidence === 'typed' || evidence === 'artifact')
    return { reference: formatReference(parsed), confidence: 'certain' };
  const rejection = rejectionOf(parseParts(written), evidence);
  return rejection ?? { reference: formatReference(parsed), confidence: 'likely' };
}

/** Returns the accepted reference of {@link assess}, or undefined if it was rejected. */
export function acceptedReference(text: string, evidence: Evidence): Verdict | undefined {
  const assessment = assess(text, evidence);
  return typeof assessment === 'string' ? undefined : assessment;
}

interface ReferenceParts {
  readonly host?: string;
  readonly path: string;
  readonly tag?: string;
  readonly pinned: boolean;
}

/** Returns why a text outside pod specs is rejected, or undefined if it is accepted. */
function rejectionOf(parts: ReferenceParts, evidence: Exclude<Evidence, 'typed' | 'artifact'>): Rejection | undefined {
  const { host, path, tag, pinned } = parts;
  // The grammar reads a capitalized first component as a host; no published image is named that way.
  if (host !== undefined && !/[.:]/.test(host) && host !== 'localhost') return 'capital-host';
  if (host !== undefined && SOURCE_HOSTS.has(host)) return 'source-host';
  if (pinned) return undefined;
  if (tag === undefined) return evidence === 'key' ? rejectionOfName(parts) : 'untagged';
  if (PORT_TAG.test(tag) && (host === undefined || evidence === 'none')) return 'port';
  if (evidence === 'key') return host !== undefined && /\.svc\b/.test(host) ? 'service-host' : undefined;
  if (host !== undefined) return rejectionOfHost(host) ?? (NAMED_TAG.test(tag) ? undefined : 'odd-tag');
  if (!path.includes('/')) return evidence === 'context' && VERSION_TAG.test(tag) ? undefined : 'one-word';
  return evidence === 'context' || VERSION_TAG.test(tag) ? undefined : 'unversioned';
}

/** Checks a name without tag or digest after a key that names an image. */
function rejectionOfName({ host, path }: ReferenceParts): Rejection | undefined {
  if (FILE_NAME.test(path)) return 'file';
  if (/^(?:projects|subscriptions)\//.test(path) || /^ami-[0-9a-f]+$/.test(path)) return 'machine-image';
  if (host !== undefined) return host.startsWith('localhost') ? undefined : rejectionOfHost(host);
  if (path.includes('/')) return MIME.test(path) ? 'media-type' : undefined;
  return OFFICIAL_NAME.test(path) && !/^v\d/.test(path) ? undefined : 'identifier';
}

function rejectionOfHost(host: string): Rejection | undefined {
  if (isServiceHost(host)) return 'service-host';
  return /[.:]/.test(host) ? undefined : 'no-host';
}

/** Reports whether a host is an in-cluster service name or looks like a file: an address, not a registry. */
function isServiceHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  const service = name.lastIndexOf('.svc.');
  const isService = service >= 0 && /^[a-z.]+$/.test(name.slice(service + '.svc.'.length));
  if (name === 'localhost' || isService || /\.(?:svc|local|localdomain)$/.test(name)) return true;
  return /\.(?:go|sh|py|ya?ml|json|conf)$/.test(host);
}

function parseParts(written: string): ReferenceParts {
  const name = written.split('@')[0] ?? '';
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const pathAndTag = hasHost ? name.slice(slash + 1) : name;
  const colon = pathAndTag.lastIndexOf(':');
  return {
    ...(hasHost ? { host: first } : {}),
    path: colon < 0 ? pathAndTag : pathAndTag.slice(0, colon),
    ...(colon < 0 ? {} : { tag: pathAndTag.slice(colon + 1) }),
    pinned: written.includes('@'),
  };
}
