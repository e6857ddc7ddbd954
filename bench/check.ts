import { createHash } from 'node:crypto';
import { list } from 'tar';
import type { Workload } from './images.ts';

/**
 * Checks that an archive has every blob of the workload, with the content of its digest.
 * @throws Error with the first missing blob
 */
export async function checkArchive(file: string, { digests }: Workload): Promise<void> {
  const found = new Set<string>();
  await list({
    file,
    onReadEntry: (entry) => {
      const digest = /(?:^|\/)blobs\/sha256\/([0-9a-f]{64})$/.exec(entry.path)?.[1];
      if (digest === undefined) return void entry.resume();
      const hash = createHash('sha256');
      entry.on('data', (chunk) => hash.update(chunk));
      entry.on('end', () => {
        if (hash.digest('hex') === digest) found.add(`sha256:${digest}`);
      });
    },
  });
  const missing = [...digests].filter((digest) => !found.has(digest));
  if (missing.length > 0) throw new Error(`${file} lacks ${missing.length} of ${digests.size}: ${missing[0]}`);
}

/**
 * Checks that a registry has every image with its tag and digest, and all its blobs.
 * @throws Error with the first difference
 */
export async function checkRegistry(host: string, { manifests }: Workload): Promise<void> {
  for (const [reference, digest] of manifests) {
    const [repository = '', tag = ''] = reference.slice(reference.indexOf('/') + 1).split(':');
    await checkManifest(host, repository, tag, digest);
  }
}

async function checkManifest(host: string, repository: string, tag: string, digest: string): Promise<void> {
  const headers = { accept: ['manifest', 'index'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`).join() };
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, { headers });
  const body = Buffer.from(await response.arrayBuffer());
  const actual = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  if (actual !== digest) throw new Error(`${repository}:${tag} is ${actual} (${response.status}), not ${digest}`);
  const manifest: { config?: Blob; layers?: Blob[]; manifests?: Blob[] } = JSON.parse(body.toString());
  for (const child of manifest.manifests ?? []) await checkManifest(host, repository, child.digest, child.digest);
  for (const blob of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]) {
    const answer = await fetch(`http://${host}/v2/${repository}/blobs/${blob.digest}`, { method: 'HEAD' });
    const size = Number(answer.headers.get('content-length'));
    if (!answer.ok || size !== blob.size) throw new Error(`${repository} lacks ${blob.digest} (${answer.status})`);
  }
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}
