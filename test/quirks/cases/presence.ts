import { digestOf } from '../../support/digest.ts';
import { bodyOf, errors, HTML_TYPE, JSON_TYPE, send } from '../fake/answers.ts';
import { type Item, image, layerOf, signature, signatureTag } from '../fake/content.ts';
import type { Hook } from '../fake/registry.ts';
import { wantTokens } from '../fake/tokens.ts';
import { quirk, textFor, weightFor } from '../quirk.ts';
import { pushOne } from '../scenarios.ts';
import { CONTAINERD, GGCR } from '../sources.ts';

// Mounts.
/** Hook for requests to mount a blob. */
const onMount =
  (answer: Hook): Hook =>
  async (exchange) => {
    if (exchange.kind !== 'start' || !exchange.query.get('mount')) return undefined;
    await bodyOf(exchange.incoming);
    return answer(exchange);
  };

for (const status of [400, 401, 403, 404, 405, 500]) {
  quirk({
    id: `push/mount-${status}`,
    weight: weightFor([500], status),
    seenIn: textFor(status, {
      400: 'Harbor: a source without a project',
      401: 'GitLab, Harbor',
      500: 'registries that fail at mounts',
    }),
    source: textFor(
      status,
      {
        400: 'https://github.com/goharbor/harbor/issues/22078',
        401: `https://github.com/estesp/manifest-tool/issues/53, ${GGCR}/issues/1609`,
      },
      `${GGCR}/blob/main/pkg/v1/remote/write.go (initiateUpload: any failure of a mount is tried without it, #1404, #1679)`,
    ),
    expected: 'uploaded instead, without much waiting',
    run: async (stage) => {
      const shared = image();
      const { push, isComplete } = await pushOne(
        stage,
        onMount((exchange) =>
          send(exchange.outgoing, status, errors(status === 401 ? 'UNAUTHORIZED' : 'UNKNOWN'), JSON_TYPE),
        ),
        {
          items: { 'a/x': shared, 'a/y': shared },
        },
      );
      const run = await push();
      stage.succeeds(run);
      isComplete();
      stage.check(run.seconds < 30, `took ${run.seconds} s`);
    },
  });
}
quirk({
  id: 'push/mount-connection-reset',
  weight: 'may',
  seenIn: 'proxies that do not like the query',
  source: `${GGCR}/issues/1679`,
  expected: 'uploaded instead',
  run: async (stage) => {
    const shared = image();
    const { push } = await pushOne(
      stage,
      onMount((exchange) => {
        exchange.incoming.socket.destroy();
        return true;
      }),
      {
        items: { 'a/x': shared, 'a/y': shared },
      },
    );
    const run = await push();
    stage.succeeds(run);
    stage.check(run.seconds < 45, `took ${run.seconds} s`);
  },
});
for (const name of ['own', 'other']) {
  quirk({
    id: `push/mount-201-and-not-there-${name}-repository`,
    weight: 'may',
    seenIn: 'registries that say 201 to a mount and do not link the blob (an older Gitea, by its code)',
    source:
      'https://github.com/go-gitea/gitea/blob/00dbfe2bd95e5d6d7c6e2a5147e16ad037187dda/routers/api/packages/container/container.go (InitiateUploadBlob)',
    expected: 'the blob is uploaded and the manifest sent again',
    run: async (stage) => {
      const shared = image();
      const { push, isComplete } = await pushOne(
        stage,
        onMount((exchange) =>
          (exchange.query.get('from') === exchange.repository) === (name === 'own')
            ? send(exchange.outgoing, 201, '', {
                location: `/v2/${exchange.repository}/blobs/${exchange.query.get('mount')}`,
              })
            : undefined,
        ),
        {
          items: { 'a/x': shared, 'a/y': shared },
        },
      );
      stage.succeeds(await push());
      isComplete();
    },
  });
}
quirk({
  id: 'push/no-mounts-second-push',
  weight: 'should',
  seenIn:
    'registries that ignore mount (always 202): Nora, ECR Public for blobs without a manifest, Docker Hub at times',
  source: 'https://github.com/getnora-io/nora/pull/915, https://github.com/google/go-containerregistry/issues/165',
  expected: 'existing blobs are not sent again',
  run: async (stage) => {
    const large = layerOf(300_000);
    const first = image({ layers: [large] });
    const second = image({ layers: [large, layerOf()] });
    const hook = onMount((exchange) => {
      const id = exchange.registry.begin(exchange.repository);
      return send(exchange.outgoing, 202, '', { location: `/v2/${exchange.repository}/blobs/uploads/${id}` });
    });
    const { target, push } = await pushOne(stage, hook, {
      items: { 'team/app': second },
      setUp: (registry, bundle) => registry.put(`m/${bundle.prefix}/team/app`, 'old', first),
    });
    stage.succeeds(await push());
    const sent = target.log
      .filter((entry) => entry.method === 'PUT' && entry.kind === 'upload')
      .map(({ raw }) => new URL(raw, 'http://localhost').searchParams.get('digest'));
    stage.check(!sent.includes(digestOf(large)), 'an existing layer of 300 kB was sent again');
  },
});

// HEAD on blobs.
/** Image with a layer that is large enough to be checked with HEAD. */
const large = (): Item => image({ layers: [layerOf(4_300_000)] });

const HEADS: Readonly<Record<string, Hook>> = {
  'redirect-storage-403': (exchange) =>
    exchange.path.startsWith('/s3/')
      ? send(exchange.outgoing, 403)
      : send(exchange.outgoing, 307, '', { location: `/s3/${exchange.reference}` }),
  405: (exchange) => send(exchange.outgoing, 405),
  403: (exchange) => send(exchange.outgoing, 403),
};
for (const [name, answer] of Object.entries(HEADS)) {
  quirk({
    id: `push/blob-head-${name}`,
    weight: weightFor(['403', '405'], name),
    seenIn: textFor(name, {
      'redirect-storage-403':
        'registries that redirect HEAD to a URL signed for GET (Pulp, artifact-keeper, GitLab virtual registries)',
      403: 'Artifactory without the right to see what is missing',
      405: 'registries without HEAD',
    }),
    source: textFor(
      name,
      {
        'redirect-storage-403':
          'https://github.com/pulp/pulp_container/issues/579, https://github.com/artifact-keeper/artifact-keeper/issues/3209',
        403: 'https://github.com/google/go-containerregistry/blob/main/pkg/v1/remote/pusher.go (RTFACT-13797)',
      },
      `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go ("Unable to check existence, continuing with push")`,
    ),
    expected: 'uploaded: the check only saves uploads',
    run: async (stage) => {
      const { push, isComplete } = await pushOne(
        stage,
        (exchange) =>
          exchange.method === 'HEAD' && (exchange.kind === 'blob' || exchange.path.startsWith('/s3/'))
            ? answer(exchange)
            : undefined,
        { items: { 'team/app': large() } },
      );
      const run = await push();
      stage.succeeds(run);
      isComplete();
    },
  });
}
quirk({
  id: 'push/blob-head-200-html',
  weight: 'must',
  seenIn: 'captive portals, SSO: 200 to everything',
  source: 'https://github.com/containers/image/blob/main/docker/docker_image_dest.go',
  expected: 'the push fails',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      (exchange) => {
        exchange.incoming.resume();
        return send(exchange.outgoing, 200, '<html>hello</html>', HTML_TYPE);
      },
      { items: { 'team/app': large() } },
    );
    stage.fails(await push(), /127\.0\.0\.1/, { within: 60 });
  },
});
quirk({
  id: 'push/blob-head-200-with-another-length',
  weight: 'may',
  seenIn: 'a truncated blob in the registry',
  source: 'https://github.com/containers/image/blob/main/docker/docker_image_dest.go (blobExists reads the size)',
  expected: 'uploaded again, or an error',
  run: async (stage) => {
    const item = large();
    const layer = [...item.blobs.keys()].at(-1) ?? '';
    const { target, push } = await pushOne(
      stage,
      (exchange) =>
        exchange.method === 'HEAD' && exchange.kind === 'blob' && exchange.reference === layer
          ? send(exchange.outgoing, 200, '', { 'content-length': '1000' })
          : undefined,
      {
        items: { 'team/app': item },
        setUp: (registry, bundle) => {
          registry.repository(`m/${bundle.prefix}/team/app`).blobs.set(layer, Buffer.alloc(1000));
        },
      },
    );
    const run = await push();
    stage.check(
      run.code !== 0 ||
        target.count(
          (entry) => entry.method === 'PUT' && entry.kind === 'upload' && entry.raw.includes(layer.slice(7)),
        ) > 0,
      `treated as present:\n${run.text}`,
    );
  },
});
quirk({
  id: 'push/tag-head-403-when-missing',
  weight: 'must',
  seenIn: 'Artifactory: 403 instead of 404 for a missing tag',
  source: `https://github.com/sigstore/cosign/issues/2973, ${GGCR}/blob/main/pkg/v1/remote/pusher.go (RTFACT-13797)`,
  expected: 'pushed',
  run: async (stage) => {
    const { push } = await pushOne(stage, (exchange) =>
      exchange.kind === 'manifest' &&
      exchange.method !== 'PUT' &&
      !exchange.registry.find(exchange.repository, exchange.reference)
        ? send(exchange.outgoing, 403, errors('DENIED'), JSON_TYPE)
        : undefined,
    );
    stage.succeeds(await push());
  },
});
quirk({
  id: 'push/tag-head-401-when-missing',
  weight: 'may',
  seenIn: 'registries that require push permission for a missing repository',
  source: `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go ("Unable to check existence, continuing with push")`,
  expected: 'pushed',
  run: async (stage) => {
    const bundle = await stage.bundleToPush();
    const target = await stage.fake();
    target.on((exchange) =>
      exchange.kind === 'manifest' &&
      exchange.method !== 'PUT' &&
      !exchange.registry.find(exchange.repository, exchange.reference)
        ? send(exchange.outgoing, 401, errors('UNAUTHORIZED'), {
            ...JSON_TYPE,
            'www-authenticate': `Bearer realm="${target.origin}/token",service="x",scope="repository:${exchange.repository}:pull"`,
          })
        : undefined,
    );
    wantTokens(target, {});
    stage.succeeds(await stage.push(bundle.file, `${target.host}/m`, target));
  },
});
quirk({
  id: 'push/tag-head-redirected-403',
  weight: 'must',
  seenIn: 'GitLab virtual registries, Pulp: HEAD of an existing tag is redirected to a URL signed for GET',
  source: 'https://github.com/moby/moby/issues/50065',
  expected: 'the tag is read with GET',
  run: async (stage) => {
    const item = image();
    const { push, target } = await pushOne(
      stage,
      (exchange) => {
        if (exchange.path.startsWith('/s3/'))
          return exchange.method === 'HEAD'
            ? send(exchange.outgoing, 403)
            : send(exchange.outgoing, 200, item.bytes, {
                'content-type': 'binary/octet-stream',
              });
        return exchange.kind === 'manifest' &&
          exchange.method !== 'PUT' &&
          exchange.registry.find(exchange.repository, exchange.reference)
          ? send(exchange.outgoing, 302, '', { location: `/s3/${exchange.repository}@${exchange.reference}` })
          : undefined;
      },
      { items: { 'team/app': item } },
    );
    stage.succeeds(await push(), 'first push');
    const before = target.log.length;
    const again = await push();
    stage.succeeds(again, 'second push');
    const writes = target.log.slice(before).filter(({ method }) => method !== 'GET' && method !== 'HEAD');
    stage.check(writes.length === 0, 'the second push writes', again);
  },
});
quirk({
  id: 'push/cosign-tag-head-400-on-target',
  weight: 'may',
  seenIn: 'registries that refuse such tags',
  source: '-',
  expected: 'the images are pushed',
  run: async (stage) => {
    const item = image();
    const signed = signature();
    const bundle = await stage.bundleToPush((registry) => {
      registry.put('team/app', '1', item);
      registry.put('team/app', signatureTag(item), signed);
      return ['team/app:1'];
    });
    const target = await stage.fake();
    target.on(async (exchange) => {
      if (exchange.kind !== 'manifest' || !exchange.reference.startsWith('sha256-')) return undefined;
      await bodyOf(exchange.incoming);
      return send(exchange.outgoing, 400, errors('TAG_INVALID'), JSON_TYPE);
    });
    const run = await stage.push(bundle.file, `${target.host}/m`, target);
    stage.check(target.holds(item), 'the image is missing', run);
    stage.succeeds(run);
  },
});
