import { createHash } from 'node:crypto';
import { digestOf } from '../../support/digest.ts';
import { errors, JSON_TYPE, send, sendBlob } from '../fake/answers.ts';
import { image, index, type Json, layerOf, TYPES } from '../fake/content.ts';
import type { Hook } from '../fake/registry.ts';
import { quirk } from '../quirk.ts';
import { bundleOne, onManifest } from '../scenarios.ts';
import { DISTRIBUTION, GGCR } from '../sources.ts';

for (const [name, type] of Object.entries({
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
  octets: 'application/octet-stream',
  none: undefined,
  charset: (own: string) => `${own}; charset=utf-8`,
  capitals: (own: string) => own.toUpperCase(),
})) {
  quirk({
    id: `manifest/served-as-${name}`,
    weight: 'must',
    seenIn:
      new Map([
        ['json', 'Katello/Satellite, static registries'],
        ['octets', 'S3 behind a redirect (Pulp)'],
        ['none', 'static registries'],
      ]).get(name) ?? 'Artifactory, Nexus',
    source: `${GGCR}/blob/main/pkg/v1/remote/descriptor.go ("some registries (e.g. static registries) don't set the Content-Type headers correctly")`,
    expected: 'mediaType of the document counts',
    run: async (stage) => {
      const { run } = await bundleOne(
        stage,
        onManifest((found, exchange) =>
          send(exchange.outgoing, 200, found.bytes, {
            'docker-content-digest': digestOf(found.bytes),
            ...(type ? { 'content-type': typeof type === 'function' ? type(found.type) : type } : {}),
          }),
        ),
        { item: index([image(), image({ platform: 'linux/arm64' })]) },
      );
      await stage.verifies(run);
    },
  });
}

/** Serves every manifest of a type as another one. */
function servedAs(inside: string, served: string): Hook {
  return onManifest((found, { outgoing }) =>
    send(outgoing, 200, found.bytes, {
      'content-type': found.type === inside ? served : found.type,
      'docker-content-digest': digestOf(found.bytes),
    }),
  );
}

quirk({
  id: 'manifest/served-as-another-manifest-type',
  weight: 'must',
  seenIn:
    'ACR: an index of Docker’s type inside, served as an OCI index; Nexus: OCI manifests without mediaType served as Docker’s',
  source:
    'https://github.com/Azure/azure-cli/issues/25280, https://github.com/podman-container-tools/buildah/issues/2266',
  expected: 'mediaType of the document counts: the digest matches',
  run: async (stage) => {
    const { run } = await bundleOne(stage, servedAs(TYPES.ociManifest, TYPES.dockerManifest));
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/index-served-as-manifest',
  weight: 'may',
  seenIn: 'caches that keep one content type for a tag (containerd#7390)',
  source: 'https://github.com/containerd/containerd/issues/7390',
  expected: 'mediaType of the document counts',
  run: async (stage) => {
    const { run } = await bundleOne(stage, servedAs(TYPES.ociIndex, TYPES.ociManifest), {
      item: index([image(), image({ platform: 'linux/arm64' })]),
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/child-type-differs-in-index',
  weight: 'must',
  seenIn: 'indexes that list OCI children as Docker’s (docker manifest create)',
  source: 'https://github.com/opencontainers/image-spec/blob/main/descriptor.md',
  expected: 'works',
  run: async (stage) => {
    const { run } = await bundleOne(stage, undefined, {
      item: index([image(), image({ docker: true, platform: 'linux/arm64' })], {
        entryOf: (entry) => ({ ...entry, mediaType: TYPES.dockerManifest }),
      }),
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/no-media-type-inside',
  weight: 'must',
  seenIn: 'Helm, ko, buildah, older OCI',
  source: 'https://github.com/opencontainers/image-spec/blob/main/manifest.md',
  expected: 'the header counts',
  run: async (stage) => {
    const strip = ({ mediaType: _, ...rest }: Json): Json => rest;
    const child = image({ change: strip });
    child.type = TYPES.ociManifest;
    const { run } = await bundleOne(stage, undefined, { item: index([child], { change: strip }) });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/docker-list',
  weight: 'must',
  seenIn: 'Docker Hub',
  source: 'https://docs.docker.com/reference/cli/docker/manifest/',
  expected: 'works',
  run: async (stage) => {
    const { run } = await bundleOne(stage, undefined, {
      item: index([image({ docker: true }), image({ docker: true, platform: 'windows/amd64' })], { docker: true }),
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/schema1',
  weight: 'must',
  seenIn: 'old images on Docker Hub, quay.io',
  source: 'https://docs.docker.com/engine/deprecated/#pushing-and-pulling-with-image-manifest-v2-schema-1',
  expected: 'the error says so',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest'
        ? send(exchange.outgoing, 200, '{"schemaVersion":1,"name":"a","fsLayers":[]}', {
            'content-type': TYPES.dockerSchema1,
          })
        : undefined,
    );
    stage.fails(run, /schema(?: version)? 1\b/i, { within: 15 });
  },
});
quirk({
  id: 'manifest/larger-than-4-mib',
  weight: 'must',
  seenIn: 'indexes and artifacts with embedded data',
  source: `${DISTRIBUTION}#pushing-manifests`,
  expected: 'the error names the limit',
  run: async (stage) => {
    const { run } = await bundleOne(stage, undefined, {
      item: image({ change: (manifest) => ({ ...manifest, annotations: { x: 'y'.repeat(4_300_000) } }) }),
    });
    stage.fails(run, /4194304|\b4 ?MiB\b/, { within: 20 });
  },
});
quirk({
  id: 'manifest/nested-index',
  weight: 'must',
  seenIn: 'Chainguard, nix2container',
  source: 'https://github.com/opencontainers/image-spec/blob/main/image-index.md',
  expected: 'works',
  run: async (stage) => {
    const inner = index([image({ platform: 'linux/arm64' })]);
    inner.platform = undefined;
    const { run } = await bundleOne(stage, undefined, { item: index([image(), inner]) });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/attestations',
  weight: 'must',
  seenIn: 'BuildKit: platform unknown/unknown',
  source: 'https://docs.docker.com/build/metadata/attestations/attestation-storage/',
  expected: 'works',
  run: async (stage) => {
    const main = image();
    const att = image({
      change: (manifest) => ({
        ...manifest,
        layers: manifest.layers.map((layer: Json) => ({ ...layer, mediaType: 'application/vnd.in-toto+json' })),
      }),
    });
    att.platform = { os: 'unknown', architecture: 'unknown' };
    att.entry = {
      annotations: { 'vnd.docker.reference.digest': main.digest, 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const { run } = await bundleOne(stage, undefined, { item: index([main, att]) });
    await stage.verifies(run);
  },
});
for (const [name, platform] of Object.entries({
  null: null,
  empty: {},
  'empty-names': { os: '', architecture: '' },
  'features-null': { os: 'windows', architecture: 'amd64', 'os.version': '10.0', 'os.features': null, features: null },
})) {
  quirk({
    id: `manifest/platform-${name}`,
    weight: 'may',
    seenIn: 'indexes made by scripts, jq, Kaniko, oras',
    source: 'https://github.com/opencontainers/image-spec/blob/main/image-index.md',
    expected: 'treated as a child without a platform',
    run: async (stage) => {
      const odd = image();
      const { run } = await bundleOne(stage, undefined, {
        item: index([image({ platform: 'linux/arm64' }), odd], {
          entryOf: (entry) => (entry.digest === odd.digest ? { ...entry, platform } : entry),
        }),
      });
      await stage.verifies(run);
    },
  });
}
/** Changes every layer's descriptor. */
const eachLayer =
  (fields: Json) =>
  (manifest: Json): Json => ({ ...manifest, layers: manifest.layers.map((layer: Json) => ({ ...layer, ...fields })) });

const FIELDS: Readonly<Record<string, (manifest: Json) => Json>> = {
  'annotations-null': (manifest) => ({ ...manifest, annotations: null }),
  'subject-null': (manifest) => ({ ...manifest, subject: null }),
  'artifact-type-null': (manifest) => ({ ...manifest, artifactType: null }),
  'urls-null': eachLayer({ urls: null }),
  'layers-null': (manifest) => ({ ...manifest, layers: null }),
  'layer-annotations-null': eachLayer({ annotations: null }),
  'unknown-fields': (manifest) => ({ ...eachLayer({ x: 1 })(manifest), foo: { bar: 1 } }),
  'zstd-layer': eachLayer({ mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }),
  'unknown-layer-type': eachLayer({ mediaType: 'application/x.model' }),
  'media-type-empty': (manifest) => ({ ...manifest, mediaType: '' }),
};
for (const [name, change] of Object.entries(FIELDS)) {
  quirk({
    id: `manifest/field-${name}`,
    weight: 'may',
    seenIn: 'tools that write JSON null for what is absent (Java, .NET, jq)',
    source: 'https://github.com/opencontainers/image-spec/blob/main/manifest.md',
    expected: 'null counts as absent',
    run: async (stage) => {
      const item = image({ change });
      item.type = TYPES.ociManifest;
      const { run } = await bundleOne(stage, undefined, { item });
      await stage.verifies(run);
    },
  });
}
quirk({
  id: 'manifest/child-missing',
  weight: 'should',
  seenIn: 'copies with skopeo --multi-arch=…, Harbor/Artifactory caches: sparse indexes',
  source:
    'https://github.com/goharbor/harbor-helm/issues/2251 (proxy cache pushes manifests whose parts are not there)',
  expected: 'the error names the missing platform; the hint names --platform',
  run: async (stage) => {
    const gone = image({ platform: 'linux/s390x' });
    const item = index([image(), gone]);
    const { run } = await bundleOne(stage, undefined, {
      item,
      setUp: (registry) => registry.repository('team/app').manifests.delete(gone.digest),
    });
    stage.fails(run, [/s390x/, /--platform/], { within: 15 });
  },
});
quirk({
  id: 'manifest/child-missing-with-platform',
  weight: 'must',
  seenIn: 'the same',
  source:
    'https://github.com/goharbor/harbor-helm/issues/2251 (proxy cache pushes manifests whose parts are not there)',
  expected: 'works with --platform linux/amd64',
  run: async (stage) => {
    const gone = image({ platform: 'linux/s390x' });
    const { run } = await bundleOne(stage, undefined, {
      item: index([image(), gone]),
      args: ['--platform', 'linux/amd64'],
      setUp: (registry) => registry.repository('team/app').manifests.delete(gone.digest),
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/attestation-missing',
  weight: 'should',
  seenIn: 'pull-through caches and copies that drop attestations',
  source: 'https://docs.docker.com/build/metadata/attestations/attestation-storage/',
  expected: 'the error says that it is an attestation',
  run: async (stage) => {
    const main = image();
    const att = image();
    att.platform = { os: 'unknown', architecture: 'unknown' };
    const { run } = await bundleOne(stage, undefined, {
      item: index([main, att]),
      setUp: (registry) => registry.repository('team/app').manifests.delete(att.digest),
    });
    stage.fails(run, /attestation/i, { within: 15 });
  },
});
quirk({
  id: 'manifest/layer-missing-in-registry',
  weight: 'must',
  seenIn: 'a faulty garbage collection',
  source: 'https://github.com/moby/moby/issues/36823',
  expected: 'the error names image and layer',
  run: async (stage) => {
    const layer = layerOf();
    const { run } = await bundleOne(stage, undefined, {
      item: image({ layers: [layer] }),
      setUp: (registry) => registry.repository('team/app').blobs.delete(digestOf(layer)),
    });
    stage.fails(run, [/team\/app/, new RegExp(digestOf(layer).slice(7, 19))], { within: 20 });
  },
});
quirk({
  id: 'manifest/empty-config-only-embedded',
  weight: 'must',
  seenIn: 'artifacts with the empty config in `data`, registries without that blob',
  source: 'https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidance-for-an-empty-descriptor',
  expected: 'the embedded content is used',
  run: async (stage) => {
    const config = Buffer.from('{}');
    const item = image({
      config,
      change: (manifest) => ({
        ...manifest,
        config: { ...manifest.config, mediaType: TYPES.empty, data: 'e30=' },
        artifactType: 'application/x.test',
      }),
    });
    const { run } = await bundleOne(stage, undefined, {
      item,
      setUp: (registry) => registry.repository('team/app').blobs.delete(digestOf(config)),
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/zero-size-layer',
  weight: 'must',
  seenIn: 'devcontainer features, scratch images',
  source: 'https://github.com/devcontainers/cli/issues/814',
  expected: 'works',
  run: async (stage) => {
    const { run } = await bundleOne(stage, undefined, { item: image({ layers: [layerOf(), Buffer.alloc(0)] }) });
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/same-layer-twice',
  weight: 'must',
  seenIn: 'Docker images with empty layers',
  source: 'https://github.com/opencontainers/image-spec/blob/main/manifest.md',
  expected: 'works',
  run: async (stage) => {
    const layer = layerOf();
    const { run } = await bundleOne(stage, undefined, { item: image({ layers: [layer, layer] }) });
    await stage.verifies(run);
  },
});
for (const status of [404, 403]) {
  quirk({
    id: `manifest/foreign-layer-registry-says-${status}`,
    weight: status === 403 ? 'may' : 'must',
    seenIn: 'Windows images on mcr.microsoft.com, Docker Hub, mirrors',
    source: 'https://learn.microsoft.com/en-us/virtualization/windowscontainers/',
    expected: 'the URL is read',
    run: async (stage) => {
      const layer = layerOf();
      const registry = await stage.fake();
      const item = image({
        docker: true,
        layers: [layerOf(), layer],
        change: (manifest) => ({
          ...manifest,
          layers: manifest.layers.map((one: Json) =>
            one.digest === digestOf(layer)
              ? { ...one, mediaType: TYPES.dockerForeignLayer, urls: [`${registry.origin}/elsewhere/${one.digest}`] }
              : one,
          ),
        }),
      });
      registry.put('team/app', '1', item);
      registry.on((exchange) =>
        exchange.path.startsWith('/elsewhere/')
          ? sendBlob(exchange.outgoing, layer)
          : exchange.kind === 'blob' && exchange.reference === digestOf(layer)
            ? send(exchange.outgoing, status, errors('DENIED'), JSON_TYPE)
            : undefined,
      );
      await stage.verifies(await stage.bundle(registry, `${registry.host}/team/app:1`));
    },
  });
}
const DIGEST_HEADERS: Readonly<Record<string, (digest: string, bytes: Buffer) => string>> = {
  quoted: (digest) => `"${digest}"`,
  capitals: (digest) => digest.toUpperCase(),
  sha512: (_, bytes) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`,
  nonsense: () => 'unknown',
  empty: () => '',
};
for (const [name, make] of Object.entries(DIGEST_HEADERS)) {
  quirk({
    id: `manifest/digest-header-${name}`,
    weight: 'must',
    seenIn: name === 'quoted' ? 'ETag-like headers of proxies' : name === 'sha512' ? 'registries with sha512' : '-',
    source: `${GGCR}/blob/main/pkg/v1/remote/fetcher.go ("so many registries implement this incorrectly that it's not worth checking")`,
    expected: 'no reason to refuse a manifest',
    run: async (stage) => {
      const { run } = await bundleOne(
        stage,
        onManifest((found, exchange) =>
          send(exchange.outgoing, 200, found.bytes, {
            'content-type': found.type,
            'docker-content-digest': make(digestOf(found.bytes), found.bytes),
          }),
        ),
      );
      await stage.verifies(run);
    },
  });
}
quirk({
  id: 'manifest/digest-header-wrong-for-a-tag',
  weight: 'may',
  seenIn: 'registries and caches that send the digest of another manifest with a tag',
  source: `${GGCR}/blob/main/pkg/v1/remote/fetcher.go ("Do nothing for tags; I give up") and ${GGCR}/issues/56 (mirror.gcr.io)`,
  expected: 'read again by the digest of the bytes: accepted if the registry has it under that digest',
  run: async (stage) => {
    const { run } = await bundleOne(
      stage,
      onManifest((found, exchange) =>
        send(exchange.outgoing, 200, found.bytes, {
          'content-type': found.type,
          'docker-content-digest': exchange.reference.startsWith('sha256:')
            ? exchange.reference
            : `sha256:${'a'.repeat(64)}`,
        }),
      ),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/unknown-manifest-type',
  weight: 'must',
  seenIn: 'model and WASM artifacts with a manifest type of their own',
  source: '-',
  expected: 'the error names the type',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest'
        ? send(exchange.outgoing, 200, '{"schemaVersion":2,"mediaType":"application/vnd.x.y+json"}', {
            'content-type': 'application/vnd.x.y+json',
          })
        : undefined,
    );
    stage.fails(run, /application\/vnd\.x\.y\+json/, { within: 15 });
  },
});
