import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { type Digest, isDigest } from './digest.ts';

/** One repository of one registry. */
export interface Repository {
  /** Host with optional port, as people write it: `docker.io`, not `registry-1.docker.io`. */
  readonly registry: string;
  /** Path below the host, for Docker Hub with `library/` filled in. */
  readonly path: string;
}

/** An image name as Kubernetes understands it, with every default filled in. At least one of tag and digest is there. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

/** What Docker takes for the identifier of a local image, and Kubernetes refuses. */
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Reads and normalises a reference as Docker and Kubernetes do: `nginx` is `docker.io/library/nginx:latest`.
 * @throws AirgapError `reference-invalid`
 */
export function parseReference(text: string): Reference {
  const parsed = tryParseReference(text);
  if (parsed === undefined) {
    throw new AirgapError('reference-invalid', `${quoted(text)} is not an image reference`, {
      hint: 'write registry/repository:tag or registry/repository@sha256:…, lower case',
    });
  }
  return parsed;
}

/** The same without the error: undefined when the text is no reference. */
export function tryParseReference(text: string): Reference | undefined {
  if (IDENTIFIER.test(text)) return undefined;
  let rest = text;
  let digest: Digest | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    const after = rest.slice(at + 1);
    if (!isDigest(after)) return undefined;
    digest = after;
    rest = rest.slice(0, at);
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
  return { ...repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Reads `registry/path` without tag or digest, with Docker's defaults. */
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

/** `registry/path` of a repository or a reference. */
export function formatRepository({ registry, path }: Repository): string {
  return `${registry}/${path}`;
}

/** The full, normalised text: tag and digest both when both are there. */
export function formatReference({ registry, path, tag, digest }: Reference): string {
  return `${registry}/${path}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** What a registry is asked for: the digest where there is one, since it decides. */
export function lookupOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}
