import type { Confidence } from '../lock/finding.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { Evidence } from './naming.ts';

/** A text that is taken for a reference. */
export interface Verdict {
  /** Normalised. */
  readonly reference: string;
  readonly confidence: Confidence;
}

/** Why a text is not taken for a reference. A plain word, so that the many texts that are none cost nothing. */
export type Rejection =
  | 'shape' // too long, or with characters that no reference has there: prose, most URLs, numbers with units
  | 'grammar' // looks like one, and the grammar of references refuses it
  | 'placeholder' // a switch, or what an injector replaces
  | 'capital-host'
  | 'untagged' // no tag, no digest, and no key that says image
  | 'file'
  | 'machine-image' // of a cloud: AMIs, Google's and Azure's image paths
  | 'media-type'
  | 'identifier' // one word that no image is named like
  | 'source-host'
  | 'service-host'
  | 'no-host' // a first component with neither dot nor port
  | 'port' // the text behind the colon is a port
  | 'odd-tag' // behind a host without a key: the text behind the colon is like no tag
  | 'unversioned' // without a host and a key: the tag is no version
  | 'one-word'; // `name:1.2` without anything around it that says image

const LIMIT = 400;
const SHAPE = /^[A-Za-z0-9][\w./:@+-]*[A-Za-z0-9_]$/;
const FILE =
  /\.(?:png|svg|jpe?g|gif|ico|webp|iso|img|qcow2|vmdk|ya?ml|json|sh|py|conf|cfg|ini|toml|txt|md|html?|css|js|tgz|tar|gz|zip|jar|so|sock|log|crt|pem|key|db|properties|xml|tpl|tmpl|go)$/i;
/** Values that a field called image has when it holds no image: switches, and what injectors replace. */
const NO_IMAGE = new Set(
  'auto default none null nil true false yes no on off enabled disabled latest stable always never string image name tag'.split(
    ' ',
  ),
);
const MIME = /^(?:image|application|text|video|audio|font)\/[\w.+-]+$/;
/** Hosts of source code, whose paths look like images and never are. */
const SOURCE_HOSTS = new Set(['github.com', 'gitlab.com', 'bitbucket.org', 'golang.org', 'gopkg.in']);
const VERSION_TAG = /^v?\d+\.\d+/;
const NAMED_TAG = /\d|^(?:latest|stable|edge|main|master|nightly|dev|release|alpine|slim|debian|ubuntu)/;
/** Names of official images; other words joined by underscores or dots are somebody's identifiers. */
const BARE = /^[a-z][a-z0-9-]*$/;
const PORT_TAG = /^\d{4,5}$/;

/**
 * Decides whether a text is an image reference, or says why it is none. The less its name says, the more the text must
 * say by itself: a key that says image is enough for `nginx`; without one a registry host and a tag, a path and a
 * version, or a digest are asked for.
 */
export function assess(text: string, evidence: Evidence): Verdict | Rejection {
  const written = text.startsWith('docker://') ? text.slice(9) : text;
  if (written.length > LIMIT || !SHAPE.test(written)) return 'shape';
  const parsed = tryParseReference(written);
  if (parsed === undefined) return 'grammar';
  if (NO_IMAGE.has(written)) return 'placeholder';
  const confidence = evidence === 'typed' ? 'certain' : 'likely';
  const doubt = evidence === 'typed' ? undefined : doubtOf(partsOf(written), evidence);
  return doubt ?? { reference: formatReference(parsed), confidence };
}

/** The verdict of {@link assess} without its reasons. */
export function judge(text: string, evidence: Evidence): Verdict | undefined {
  const assessment = assess(text, evidence);
  return typeof assessment === 'string' ? undefined : assessment;
}

interface Parts {
  readonly host?: string;
  readonly path: string;
  readonly tag?: string;
  readonly pinned: boolean;
}

/** What speaks against a text outside the fields of a pod spec; undefined when nothing does. */
function doubtOf(parts: Parts, evidence: Exclude<Evidence, 'typed'>): Rejection | undefined {
  const { host, path, tag, pinned } = parts;
  // Grammar reads a capitalised first component as a host; nothing that people publish is named so.
  if (host !== undefined && !/[.:]/.test(host) && host !== 'localhost') return 'capital-host';
  if (pinned) return undefined;
  if (tag === undefined) return evidence === 'key' ? doubtOfName(parts) : 'untagged';
  if (PORT_TAG.test(tag) && (host === undefined || evidence === 'none')) return 'port';
  if (evidence === 'key') return host !== undefined && /\.svc\b/.test(host) ? 'service-host' : undefined;
  if (host !== undefined) return doubtOfHost(host) ?? (NAMED_TAG.test(tag) ? undefined : 'odd-tag');
  if (!path.includes('/')) return evidence === 'context' && VERSION_TAG.test(tag) ? undefined : 'one-word';
  return evidence === 'context' || VERSION_TAG.test(tag) ? undefined : 'unversioned';
}

/** For a name without tag or digest, whose key says that it is an image. */
function doubtOfName({ host, path }: Parts): Rejection | undefined {
  if (FILE.test(path)) return 'file';
  if (/^(?:projects|subscriptions)\//.test(path) || /^ami-[0-9a-f]+$/.test(path)) return 'machine-image';
  if (host !== undefined) return host.startsWith('localhost') ? undefined : doubtOfHost(host);
  if (path.includes('/')) return MIME.test(path) ? 'media-type' : undefined;
  return BARE.test(path) && !/^v\d/.test(path) ? undefined : 'identifier';
}

function doubtOfHost(host: string): Rejection | undefined {
  if (isNoRegistry(host)) return 'service-host';
  if (SOURCE_HOSTS.has(host)) return 'source-host';
  return /[.:]/.test(host) ? undefined : 'no-host';
}

/** In-cluster services and file-like hosts: an address, not a registry. */
function isNoRegistry(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  const service = name.lastIndexOf('.svc.');
  const isService = service >= 0 && /^[a-z.]+$/.test(name.slice(service + '.svc.'.length));
  if (name === 'localhost' || isService || /\.(?:svc|local|localdomain)$/.test(name)) return true;
  return /\.(?:go|sh|py|ya?ml|json|conf)$/.test(host);
}

function partsOf(written: string): Parts {
  const name = written.split('@')[0] ?? '';
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const rest = hasHost ? name.slice(slash + 1) : name;
  const colon = rest.lastIndexOf(':');
  return {
    ...(hasHost ? { host: first } : {}),
    path: colon < 0 ? rest : rest.slice(0, colon),
    ...(colon < 0 ? {} : { tag: rest.slice(colon + 1) }),
    pinned: written.includes('@'),
  };
}
