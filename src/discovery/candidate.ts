import type { Confidence } from '../lock/finding.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';
import type { Evidence } from './naming.ts';

/** A text that is taken for a reference. */
export interface Verdict {
  /** Normalised. */
  readonly reference: string;
  readonly confidence: Confidence;
}

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
/** In-cluster services and file-like hosts: an address, not a registry. */
const NO_REGISTRY =
  /(?:^localhost|\.svc|\.svc\.[a-z.]+|\.local|\.localdomain)(?::\d+)?$|\.(?:go|sh|py|ya?ml|json|conf)$/;
/** Hosts of source code, whose paths look like images and never are. */
const SOURCE_HOSTS = new Set(['github.com', 'gitlab.com', 'bitbucket.org', 'golang.org', 'gopkg.in']);
const VERSION_TAG = /^v?\d+\.\d+/;
const NAMED_TAG = /\d|^(?:latest|stable|edge|main|master|nightly|dev|release|alpine|slim|debian|ubuntu)/;
/** Names of official images; other words joined by underscores or dots are somebody's identifiers. */
const BARE = /^[a-z][a-z0-9-]*$/;
const PORT_TAG = /^\d{4,5}$/;

/**
 * Decides whether a text is an image reference. The less its name says, the more the text must say by itself: a key
 * that says image is enough for `nginx`; without one a registry host and a tag, a path and a version, or a digest are
 * asked for.
 */
export function judge(text: string, evidence: Evidence): Verdict | undefined {
  const written = text.startsWith('docker://') ? text.slice(9) : text;
  if (written.length > LIMIT || !SHAPE.test(written)) return undefined;
  const parsed = tryParseReference(written);
  if (parsed === undefined || NO_IMAGE.has(written)) return undefined;
  const confidence = confidenceOf(partsOf(written), evidence);
  return confidence === undefined ? undefined : { reference: formatReference(parsed), confidence };
}

interface Parts {
  readonly host?: string;
  readonly path: string;
  readonly tag?: string;
  readonly pinned: boolean;
}

function confidenceOf(parts: Parts, evidence: Evidence): Confidence | undefined {
  if (evidence === 'typed') return 'certain';
  const { host, path, tag, pinned } = parts;
  // Grammar reads a capitalised first component as a host; nothing that people publish is named so.
  if (host !== undefined && !/[.:]/.test(host) && host !== 'localhost') return undefined;
  if (pinned) return 'likely';
  if (tag === undefined) return evidence === 'key' && namesAnImage(parts) ? 'likely' : undefined;
  if (PORT_TAG.test(tag) && (host === undefined || evidence === 'none')) return undefined;
  if (evidence === 'key') return host !== undefined && /\.svc\b/.test(host) ? undefined : 'likely';
  if (host !== undefined) return isRegistry(host) && NAMED_TAG.test(tag) ? 'likely' : undefined;
  if (evidence === 'context') return path.includes('/') || VERSION_TAG.test(tag) ? 'likely' : undefined;
  return path.includes('/') && VERSION_TAG.test(tag) ? 'likely' : undefined;
}

/** For a name without tag or digest, whose key says that it is an image. */
function namesAnImage({ host, path }: Parts): boolean {
  if (FILE.test(path) || /^(?:projects|subscriptions)\//.test(path) || /^ami-[0-9a-f]+$/.test(path)) return false;
  if (host !== undefined) return isRegistry(host) || host.startsWith('localhost');
  return path.includes('/') ? !MIME.test(path) : BARE.test(path) && !/^v\d/.test(path);
}

function isRegistry(host: string): boolean {
  return !NO_REGISTRY.test(host) && !SOURCE_HOSTS.has(host) && /[.:]/.test(host);
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
