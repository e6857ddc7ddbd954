import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { type Digest, isDigest } from './digest.ts';

/** One repository of one registry. */
export interface Repository {
  /** Host with optional port as in references: `docker.io`, not `registry-1.docker.io`. */
  readonly registry: string;
  /** Path below the host, including `library/` for Docker Hub. */
  readonly path: string;
}

/** A normalized image reference, as Kubernetes interprets it. Has a tag, a digest or both. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

/** Docker interprets 64 hexadecimal digits as a local image ID; Kubernetes rejects them. */
const IMAGE_ID = /^[a-f0-9]{64}$/;

/**
 * Parses and normalizes a reference as Docker and Kubernetes do: `nginx` is `docker.io/library/nginx:latest`.
 * @throws AirgapError `reference-invalid`
 */
export function parseReference(text: string): Reference {
  const parsed = tryParseReference(text);
  if (parsed === undefined) {
    throw new AirgapError('reference-invalid', `${quoted(text)} is not an image reference`, {
      hint: 'write registry/repository:tag or registry/repository@sha256:..., in lower case',
    });
  }
  return parsed;
}

/** Parses a reference like {@link parseReference}, but returns undefined if it is invalid. */
export function tryParseReference(text: string): Reference | undefined {
  if (IMAGE_ID.test(text)) return undefined;
  let rest = text;
  let digest: Digest | undefined;
  const separator = rest.indexOf('@');
  if (separator >= 0) {
    const after = rest.slice(separator + 1);
    if (!isDigest(after)) return undefined;
    digest = after;
    rest = rest.slice(0, separator);
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1);
    if (!isName('tag', tag)) return undefined;
    rest = rest.slice(0, colon);
  }
  const repository = tryParseRepository(rest);
  if (repository === undefined) return undefined;
  if (tag === undefined && digest === undefined) tag = 'latest';
  return { ...repository, tag, digest };
}

/** Parses `registry/path` without tag or digest and applies Docker's defaults. */
export function tryParseRepository(name: string): Repository | undefined {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const registry = !hasHost || first === 'index.docker.io' ? 'docker.io' : first;
  let path = hasHost ? name.slice(slash + 1) : name;
  if (registry === 'docker.io' && !path.includes('/')) path = `library/${path}`;
  if (!isName('registry', registry) || !isName('repository', path)) return undefined;
  return { registry, path };
}

/**
 * Returns the scheme before a reference in a manifest: `docker://`, `oci://`, or `oci+native://` as KServe has it; empty if
 * there is none.
 */
export function schemeOf(written: string): string {
  return /^(?:docker|oci(?:\+[a-z]+)?):\/\//.exec(written)?.[0] ?? '';
}

/** Returns a reference in a manifest without its scheme. */
export function withoutScheme(written: string): string {
  return written.slice(schemeOf(written).length);
}

/** Formats `registry/path` of a repository or reference. */
export function formatRepository({ registry, path }: Repository): string {
  return `${registry}/${path}`;
}

/** Formats the full, normalized reference, with tag and digest if both are present. */
export function formatReference({ registry, path, tag, digest }: Reference): string {
  return `${registry}/${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Returns the `<reference>` part of a manifest request: the digest, which takes precedence, or the tag. */
export function tagOrDigestOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}
