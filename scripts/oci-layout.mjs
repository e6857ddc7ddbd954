import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { entryHeader, planLayout } from '../src/bundle/format/layout.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';

/** Manifests and blobs of an OCI image layout, which is written as a tar archive. */
export class OciLayout {
  #manifests = new Map();
  #blobs = new Map();
  #roots = [];

  /** Adds a blob. @returns its descriptor */
  blob(mediaType, bytes, annotations) {
    const descriptor = describe(mediaType, bytes, { annotations });
    this.#blobs.set(descriptor.digest, { descriptor, bytes });
    return descriptor;
  }

  /** Adds a manifest or an index. @returns its descriptor, with further fields */
  manifest(mediaType, manifest, fields) {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...manifest }));
    const descriptor = describe(mediaType, bytes, fields);
    this.#manifests.set(descriptor.digest, { bytes });
    return descriptor;
  }

  /** Names a manifest in index.json: `NAME:TAG`, since podman and docker take a tag alone for the name of an image. */
  root(descriptor, name) {
    this.#roots.push({ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } });
  }

  /** Writes the archive: the same content gives the same bytes. */
  async write(path) {
    const json = (value) => Buffer.from(JSON.stringify(value));
    const metadata = [
      { name: 'oci-layout', bytes: json({ imageLayoutVersion: '1.0.0' }) },
      { name: 'index.json', bytes: json({ schemaVersion: 2, mediaType: INDEX, manifests: this.#roots }) },
    ];
    const { entries, size } = planLayout(metadata, { manifests: this.#manifests, blobs: this.#blobs });
    const file = await open(path, 'w');
    try {
      for (const entry of entries) {
        const header = entryHeader(entry);
        await file.write(header, 0, header.length, entry.offset - header.length);
        await file.write(entry.bytes, 0, entry.size, entry.offset);
      }
      await file.truncate(size);
    } finally {
      await file.close();
    }
  }
}

/** Returns `sha256:HEX` of bytes. */
export function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function describe(mediaType, bytes, fields) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, ...fields };
}
