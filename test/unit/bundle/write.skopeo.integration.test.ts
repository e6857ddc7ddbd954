import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/reading/bundle.ts';
import { MediaType } from '../../../src/oci/descriptor.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { graphOf, write } from '../../support/bundles.ts';
import { IMAGE_CONFIG, LAYER, MemoryRegistry } from '../../support/memory-registry.ts';
import { scratchFolder } from '../../support/scratch.ts';

function skopeo(...args: string[]): string {
  return execFileSync('skopeo', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Adds an image that can be unpacked: its layer is an empty tar. */
function addReal(source: MemoryRegistry, repository: string, tag: string): string {
  const tar = Buffer.alloc(10_240);
  const layer = source.addBlob(repository, LAYER, gzipSync(tar));
  const configuration = {
    architecture: 'amd64',
    os: 'linux',
    config: { Labels: { name: repository } },
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
  };
  const config = source.addBlob(repository, IMAGE_CONFIG, Buffer.from(JSON.stringify(configuration)));
  const manifest = { schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [layer] };
  return source.addManifest(repository, manifest, MediaType.ociManifest, tag).digest;
}

describe('a bundle read by skopeo', () => {
  it('is an oci-archive with images under their full names and digests', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'bundle.tar');
    const source = new MemoryRegistry();
    const digests = { 'quay.io/team/app:1.0': '', 'docker.io/library/nginx:1.27': '' };
    digests['quay.io/team/app:1.0'] = addReal(source, 'quay.io/team/app', '1.0');
    digests['docker.io/library/nginx:1.27'] = addReal(source, 'docker.io/library/nginx', '1.27');
    await write(path, source, { graph: await graphOf(source, Object.keys(digests)) });
    for (const [name, digest] of Object.entries(digests)) {
      const inspected = JSON.parse(skopeo('inspect', `oci-archive:${path}:${name}`));
      expect(inspected.Digest).toBe(digest);
      expect(name).toContain(inspected.Labels.name);
    }
    skopeo('--insecure-policy', 'copy', `oci-archive:${path}:quay.io/team/app:1.0`, `dir:${join(dir, 'oci')}`);
  });

  it('is also a docker-archive', async () => {
    const dir = scratchFolder();
    const path = join(dir, 'bundle.tar');
    const source = new MemoryRegistry();
    addReal(source, 'quay.io/team/app', '1.0');
    await write(path, source, { graph: await graphOf(source, ['quay.io/team/app:1.0']) });
    const inspected = JSON.parse(skopeo('inspect', `docker-archive:${path}:quay.io/team/app:1.0`));
    expect(inspected.Labels.name).toBe('quay.io/team/app');
    skopeo('--insecure-policy', 'copy', `docker-archive:${path}:quay.io/team/app:1.0`, `dir:${join(dir, 'docker')}`);
  });

  it('and an archive written by skopeo can be opened', async () => {
    const dir = scratchFolder();
    const source = new MemoryRegistry();
    const digest = addReal(source, 'quay.io/team/app', '1.0');
    await write(join(dir, 'ours'), source, { graph: await graphOf(source, ['quay.io/team/app:1.0']) });
    const [from, to] = ['ours', 'theirs'].map((name) => `oci-archive:${join(dir, name)}:quay.io/team/app:1.0`);
    skopeo('--insecure-policy', 'copy', from as string, to as string);
    const bundle = await openBundle(join(dir, 'theirs'));
    expect(bundle.images().map(({ descriptor }) => descriptor.digest)).toEqual([digest]);
    await bundle.close();
  });
});
