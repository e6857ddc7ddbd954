import { digestOf } from '../test/support/digest.ts';

const ACCEPT = {
  accept: ['index', 'manifest'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`).join(),
};

/** The parts of a manifest or index that are read here. */
interface Manifest {
  readonly subject?: Blob;
  readonly manifests?: readonly Blob[];
  readonly config?: Blob;
  readonly layers?: readonly Blob[];
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** An image that a registry should have. */
export interface ExpectedImage {
  readonly repository: string;
  /** Tag, or the digest of a referrer, which the fallback tag of its subject must list. */
  readonly reference: string;
  readonly digest: string;
}

/**
 * Checks that a registry without authentication has images completely, with everything below them.
 * @param blobs whether the blobs' content is pulled and hashed, or only their sizes are asked for
 * @returns what is wrong; empty if nothing is
 */
export async function checkImages(
  host: string,
  images: Iterable<ExpectedImage>,
  blobs: 'content' | 'size',
): Promise<string[]> {
  const wrong: string[] = [];
  const get = async (repository: string, path: string): Promise<Buffer | undefined> => {
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers: ACCEPT });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.ok) return bytes;
    wrong.push(`${repository} ${path} cannot be pulled (${answer.status})`);
    return undefined;
  };
  const checkBlob = async (repository: string, { digest, size }: Blob): Promise<void> => {
    if (blobs === 'content') {
      const bytes = await get(repository, `blobs/${digest}`);
      if (bytes !== undefined && digestOf(bytes) !== digest)
        wrong.push(`${repository} has other content for ${digest}`);
      return;
    }
    const answer = await head(host, `${repository}/blobs/${digest}`);
    if (!answer.ok || Number(answer.headers.get('content-length')) !== size)
      wrong.push(`${repository} lacks ${digest} (${answer.status})`);
  };
  const checkManifest = async (repository: string, digest: string): Promise<void> => {
    const bytes = await get(repository, `manifests/${digest}`);
    if (bytes === undefined) return;
    if (digestOf(bytes) !== digest) wrong.push(`${repository} has other content for ${digest}`);
    const { manifests = [], config, layers = [] } = JSON.parse(bytes.toString('utf8')) as Manifest;
    for (const child of manifests) await checkManifest(repository, child.digest);
    for (const blob of config === undefined ? layers : [config, ...layers]) await checkBlob(repository, blob);
  };
  // Referrers are listed under the fallback tag: these registries have no referrers API.
  const checkListed = async (repository: string, bytes: Buffer): Promise<void> => {
    const { subject } = JSON.parse(bytes.toString('utf8')) as Manifest;
    const list = await get(repository, `manifests/${subject?.digest.replace(':', '-')}`);
    const { manifests = [] } = JSON.parse(list?.toString('utf8') ?? '{}') as Manifest;
    if (!manifests.some(({ digest }) => digest === digestOf(bytes)))
      wrong.push(`${repository} does not list ${digestOf(bytes)}`);
  };
  for (const { repository, reference, digest } of images) {
    const bytes = await get(repository, `manifests/${reference}`);
    if (bytes === undefined) continue;
    if (digestOf(bytes) !== digest) wrong.push(`${repository}:${reference} is ${digestOf(bytes)}, not ${digest}`);
    if (reference === digest) await checkListed(repository, bytes);
    await checkManifest(repository, digest);
  }
  return wrong;
}

/** Sends HEAD for `REPOSITORY/manifests/…` or `REPOSITORY/blobs/…`. */
export function head(host: string, path: string): Promise<Response> {
  return fetch(`http://${host}/v2/${path}`, { method: 'HEAD', headers: ACCEPT });
}
