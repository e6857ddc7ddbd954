import { type KeyObject, sign } from 'node:crypto';
import { digestOf } from './digest.ts';
import { type BuiltImage, pushBuilt } from './images.ts';

/** Contents of an artifact manifest: a signature, an SBOM or another referrer, as cosign and others write it. Independent of src/. */
export interface ArtifactOptions {
  readonly artifactType?: string;
  readonly config?: Blob;
  readonly layers: readonly Blob[];
  /** Manifest that it refers to. */
  readonly subject?: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Blob {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const EMPTY: Blob = { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };

export function buildArtifact({ artifactType, config = EMPTY, layers, ...rest }: ArtifactOptions): BuiltImage {
  const describe = ({ mediaType, bytes, annotations }: Blob): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
    ...(annotations && { annotations }),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    ...(artifactType && { artifactType }),
    config: describe(config),
    layers: layers.map(describe),
    ...rest,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = digestOf(bytes);
  const blobs = new Map([config, ...layers].map((blob) => [digestOf(blob.bytes), blob.bytes]));
  return { digest, mediaType: MANIFEST, manifests: [{ mediaType: MANIFEST, digest, bytes }], blobs };
}

/** Builds a cosign signature (specs/SIGNATURE_SPEC.md) of a digest, by ECDSA, RSA or Ed25519. */
export function cosignSignature(key: KeyObject, reference: string, digest: string): BuiltImage {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': reference },
        image: { 'docker-manifest-digest': digest },
        type: 'cosign container image signature',
      },
      optional: null,
    }),
  );
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const config = Buffer.from(JSON.stringify({ architecture: '', created: '0001-01-01T00:00:00Z', os: '', config: {} }));
  return buildArtifact({
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', bytes: config },
    layers: [
      {
        mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
        bytes: payload,
        annotations: { 'dev.cosignproject.cosign/signature': sign(hash, payload, key).toString('base64') },
      },
    ],
  });
}

/** Returns `sha256-<hex>`, with cosign's suffix if one is given. */
export function tagFor(digest: string, suffix?: string): string {
  return `${digest.replace(':', '-')}${suffix === undefined ? '' : `.${suffix}`}`;
}

/** Lists an artifact under the fallback tag of its subject, as clients do for registries without the referrers API. */
export async function listUnderTag(
  host: string,
  repository: string,
  subject: string,
  artifact: BuiltImage,
): Promise<void> {
  const { mediaType, digest, bytes } = artifact.manifests[0] as BuiltImage['manifests'][number];
  const { config, artifactType = config.mediaType } = JSON.parse(bytes.toString('utf8'));
  const type = 'application/vnd.oci.image.index.v1+json';
  const entry = { mediaType, digest, size: bytes.length, artifactType };
  const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [entry] }));
  const built = {
    digest: digestOf(list),
    mediaType: type,
    manifests: [{ mediaType: type, digest: digestOf(list), bytes: list }],
  };
  await pushBuilt(host, repository, tagFor(subject), { ...built, blobs: new Map() });
}

/** Reads a manifest from a registry, with its digest; undefined if it does not exist. */
export async function manifestAt(
  host: string,
  repository: string,
  reference: string,
  authorization?: string,
): Promise<{ readonly digest: string; readonly json: Record<string, unknown> } | undefined> {
  const headers = {
    accept: `${MANIFEST}, application/vnd.oci.image.index.v1+json`,
    ...(authorization && { authorization }),
  };
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, { headers });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status === 404) return undefined;
  return { digest: digestOf(bytes), json: JSON.parse(bytes.toString('utf8')) };
}
