import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../support/digest.ts';
import { bodyOf, errors, JSON_TYPE, rewriteHead, send } from '../fake/answers.ts';
import { image, index, layerOf, referrerOf } from '../fake/content.ts';
import type { Exchange, Hook } from '../fake/registry.ts';
import { wantPassword, wantTokens } from '../fake/tokens.ts';
import { quirk, textFor, weightFor } from '../quirk.ts';
import { once, pushOne } from '../scenarios.ts';
import { CONTAINERD, DISTRIBUTION, GGCR } from '../sources.ts';

const isManifestPut = ({ kind, method }: Exchange): boolean => kind === 'manifest' && method === 'PUT';
const isUploadEnd = ({ kind, method }: Exchange): boolean => kind === 'upload' && method === 'PUT';

/** Hook for the start of an upload: its session's Location, or none. */
const onStart =
  (locationOf: (exchange: Exchange, session: string) => string | undefined): Hook =>
  async (exchange) => {
    if (exchange.kind !== 'start' || exchange.method !== 'POST') return undefined;
    await bodyOf(exchange.incoming);
    const location = locationOf(exchange, exchange.registry.begin(exchange.repository));
    return send(exchange.outgoing, 202, '', location === undefined ? {} : { location });
  };

/** Path of an upload session as specified. */
const sessionOf = ({ repository }: Exchange, id: string): string => `/v2/${repository}/blobs/uploads/${id}`;

const LOCATIONS: Readonly<Record<string, (exchange: Exchange, id: string) => string>> = {
  relative: sessionOf,
  absolute: (exchange, id) => `${exchange.registry.origin}${sessionOf(exchange, id)}`,
  'with-query': (exchange, id) => `${sessionOf(exchange, id)}?_state=a%2Bb%3D%3D&x=1`,
  'with-empty-query': (exchange, id) => `${sessionOf(exchange, id)}?`,
  'without-leading-slash': (_, id) => id,
  'protocol-relative': (exchange, id) => `//${exchange.registry.host}${sessionOf(exchange, id)}`,
  'without-scheme': (exchange, id) => `${exchange.registry.host}${sessionOf(exchange, id)}`,
};
for (const [name, location] of Object.entries(LOCATIONS)) {
  quirk({
    id: `push/location-${name}`,
    weight: 'must',
    seenIn: textFor(name, {
      'without-scheme': 'accepted by containerd and old Docker',
      absolute: 'distribution, Harbor',
      relative: 'distribution with relativeurls, ECR, Zot',
      'with-query': 'distribution, GitLab, Docker Hub (_state)',
    }),
    source:
      name === 'without-scheme'
        ? `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go ("Support paths without host in location")`
        : `${DISTRIBUTION}#pushing-blobs`,
    expected: 'the upload uses that location',
    run: async (stage) => {
      const { push, isComplete } = await pushOne(stage, onStart(location));
      stage.succeeds(await push());
      isComplete();
    },
  });
}
quirk({
  id: 'push/location-missing',
  weight: 'must',
  seenIn: 'broken proxies',
  source: 'https://github.com/podman-container-tools/buildah/issues/2234',
  expected: 'the error names the missing Location',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      onStart(() => undefined),
    );
    stage.fails(await push(), /Location|upload/i, { within: 20 });
  },
});
quirk({
  id: 'push/location-http-behind-tls',
  weight: 'must',
  seenIn: 'registries behind TLS proxies without X-Forwarded-Proto',
  source: 'https://github.com/nginx/kubernetes-ingress/issues/122 ("host" of the registry’s configuration)',
  expected: 'https is used',
  run: async (stage) => {
    const bundle = await stage.bundleToPush();
    const target = await stage.fake({ tls: true });
    target.on(onStart((exchange, id) => `http://registry.example.com${sessionOf(exchange, id)}`));
    await stage.hosts({ 'registry.example.com': target });
    stage.succeeds(await stage.push(bundle.file, 'registry.example.com/m', target));
  },
});
quirk({
  id: 'push/location-http-other-port-behind-tls',
  weight: 'must',
  seenIn: 'the same with the inner port in it: http://registry.example.com:5000/…',
  source: 'https://github.com/nginx/kubernetes-ingress/issues/122 ("host" of the registry’s configuration)',
  expected: 'https at the known port is used',
  run: async (stage) => {
    const bundle = await stage.bundleToPush();
    const target = await stage.fake({ tls: true });
    target.on(onStart((exchange, id) => `http://registry.example.com:5000${sessionOf(exchange, id)}`));
    await stage.hosts({ 'registry.example.com': target });
    stage.succeeds(await stage.push(bundle.file, 'registry.example.com/m', target));
  },
});
quirk({
  id: 'push/location-on-storage',
  weight: 'must',
  seenIn: 'registries that have blobs sent to storage (signed URL)',
  source: DISTRIBUTION,
  expected: 'followed without credentials',
  run: async (stage) => {
    const bundle = await stage.bundleToPush();
    const s3 = await stage.fake({ tls: true });
    const target = await stage.fake({ tls: true });
    let leaked = false;
    s3.on(async (exchange) => {
      leaked ||= exchange.authorization !== undefined;
      const bytes = await bodyOf(exchange.incoming);
      target.repository(exchange.query.get('repo') ?? '').blobs.set(digestOf(bytes), bytes);
      return send(exchange.outgoing, 201, '');
    });
    target.on(
      onStart(
        (exchange, id) =>
          `https://bucket.s3.eu-central-1.amazonaws.com/${id}?repo=${encodeURIComponent(exchange.repository)}`,
      ),
    );
    wantPassword(target, 'me', 'pw');
    await stage.hosts({ 'registry.example.com': target, 'bucket.s3.eu-central-1.amazonaws.com': s3 });
    stage.login('registry.example.com', 'me', 'pw');
    stage.succeeds(await stage.push(bundle.file, 'registry.example.com/m', target));
    stage.check(!leaked, 'credentials went to the storage');
  },
});
for (const status of [200, 202, 204]) {
  quirk({
    id: `push/blob-put-ends-with-${status}`,
    weight: 'must',
    seenIn: 'registries that do not say 201',
    source: `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go ("201 is specified return status, some registries return 200, 202 or 204")`,
    expected: 'is a success',
    run: async (stage) => {
      const { push, isComplete } = await pushOne(stage, (exchange) => {
        exchange.uploaded = status;
      });
      stage.succeeds(await push());
      isComplete();
    },
  });
  quirk({
    id: `push/manifest-put-ends-with-${status}`,
    weight: 'must',
    seenIn: 'registries that do not say 201',
    source: `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go ("201 is specified return status, some registries return 200, 202 or 204")`,
    expected: 'is a success',
    run: async (stage) => {
      const { push } = await pushOne(stage, (exchange) => {
        if (exchange.kind !== 'manifest' || exchange.method !== 'PUT') return;
        rewriteHead(exchange.outgoing, (right, headers) => [right === 201 ? status : right, headers]);
      });
      stage.succeeds(await push());
    },
  });
}
quirk({
  id: 'push/manifest-put-without-digest',
  weight: 'must',
  seenIn: 'registries without Docker-Content-Digest',
  source: `${DISTRIBUTION}#legacy-docker-support-http-headers`,
  expected: 'is a success; read back',
  run: async (stage) => {
    const { push } = await pushOne(stage, (exchange) => {
      if (exchange.kind !== 'manifest') return;
      rewriteHead(exchange.outgoing, (status, { 'docker-content-digest': _, ...rest }) => [status, rest]);
    });
    stage.succeeds(await push());
  },
});
quirk({
  id: 'push/upload-start-says-201',
  weight: 'must',
  seenIn: 'registries that have the blob already (201 to a POST without a mount)',
  source: `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go (case http.StatusCreated: already exists)`,
  expected: 'treated as present',
  run: async (stage) => {
    const shared = image();
    const { push, target } = await pushOne(
      stage,
      async (exchange) => {
        if (exchange.kind !== 'start') return undefined;
        await bodyOf(exchange.incoming);
        return send(exchange.outgoing, 201, '', { location: `/v2/${exchange.repository}/blobs/x` });
      },
      {
        items: { 'team/app': shared },
        setUp: (registry, bundle) => registry.put(`m/${bundle.prefix}/team/app`, 'old', shared),
      },
    );

    stage.succeeds(await push());
    stage.check(target.count((entry) => entry.kind === 'upload') === 0, 'uploaded again');
  },
});
quirk({
  id: 'push/upload-start-200',
  weight: 'may',
  seenIn: 'registries that answer 200 to the POST',
  source: `${CONTAINERD}/blob/main/core/remotes/docker/pusher.go (case http.StatusOK, StatusAccepted, StatusNoContent)`,
  expected: 'the upload goes to its Location',
  run: async (stage) => {
    const { push } = await pushOne(stage, (exchange) => {
      if (exchange.kind !== 'start') return;
      rewriteHead(exchange.outgoing, (status, headers) => [status === 202 ? 200 : status, headers]);
    });
    stage.succeeds(await push());
  },
});

// Manifests refused temporarily.
for (const [name, status, text] of [
  ['400-manifest-blob-unknown', 400, errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry')],
  ['404-manifest-blob-unknown', 404, errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry')],
  ['404-blob-unknown', 404, errors('BLOB_UNKNOWN', 'blob unknown to registry')],
] as const) {
  quirk({
    id: `push/manifest-put-${name}-once`,
    weight: 'must',
    seenIn:
      'OpenShift’s registry, Nexus groups, storages with eventual consistency: a blob that was stored a moment ago is not seen yet',
    source:
      'https://github.com/openshift/image-registry/pull/220, https://github.com/moby/moby/issues/36823, https://github.com/sonatype/nexus-public/issues/869',
    expected: 'sent again, a few times',
    run: async (stage) => {
      const hook = once(isManifestPut, async ({ incoming, outgoing }) => {
        await bodyOf(incoming);
        return send(outgoing, status, text, JSON_TYPE);
      });
      const { push } = await pushOne(stage, hook);
      stage.succeeds(await push());
    },
  });
}
quirk({
  id: 'push/tag-not-there-for-two-seconds',
  weight: 'may',
  seenIn: 'registries with replicas or caches: 404 just after the push',
  source: 'https://github.com/Azure/acr/issues/742',
  expected: 'retried',
  run: async (stage) => {
    const at = new Map<string, number>();
    const { push } = await pushOne(stage, (exchange) => {
      if (exchange.kind !== 'manifest') return undefined;
      if (exchange.method === 'PUT') {
        at.set(exchange.path, Date.now());
        return undefined;
      }
      return Date.now() - (at.get(exchange.path) ?? 0) < 2000
        ? send(exchange.outgoing, 404, errors('MANIFEST_UNKNOWN'), JSON_TYPE)
        : undefined;
    });
    stage.succeeds(await push());
  },
});
for (const [name, status, code, message] of [
  ['digest-invalid', 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content'],
  ['blob-upload-invalid', 400, 'BLOB_UPLOAD_INVALID', 'blob upload invalid'],
  ['range-416', 416, 'BLOB_UPLOAD_INVALID', 'First byte of the layer part is 0 instead of 11304960'],
  ['404-blob-unknown', 404, 'BLOB_UNKNOWN', 'blob unknown to registry'],
  ['520', 520, '', ''],
  ['524', 524, '', ''],
] as const) {
  quirk({
    id: `push/blob-put-${name}-once`,
    weight: weightFor(['404-blob-unknown'], name),
    seenIn: textFor(name, {
      'digest-invalid': 'distribution with S3, proxies that cut bodies',
      'range-416': 'ECR',
      '404-blob-unknown': 'ghcr.io, for a PUT that is repeated in its session (which airgap does not do)',
      520: 'Cloudflare',
      524: 'Cloudflare',
    }),
    source: textFor(
      name,
      {
        'range-416': 'https://github.com/apple/container/issues/1895',
        'digest-invalid': `${GGCR}/blob/main/pkg/v1/remote/transport/error.go`,
        '404-blob-unknown': 'https://github.com/GoogleContainerTools/jib/issues/4301',
        'blob-upload-invalid': `${GGCR}/blob/main/pkg/v1/remote/transport/error.go (temporaryErrorCodes)`,
      },
      `${GGCR}/blob/main/pkg/v1/remote/options.go`,
    ),
    expected: 'a new session; the content is known to be correct',
    run: async (stage) => {
      const hook = once(isUploadEnd, async ({ incoming, outgoing }) => {
        await bodyOf(incoming);
        return send(outgoing, status, code ? errors(code, message) : 'error', JSON_TYPE);
      });
      const { push } = await pushOne(stage, hook);
      stage.succeeds(await push());
    },
  });
}

// Refusals and their messages.

quirk({
  id: 'push/401-in-mid-upload-closes',
  weight: 'must',
  seenIn: 'registries that answer 401 while the layer is sent, and close',
  source: 'https://github.com/apple/container/issues/1707',
  expected: 'renews the token, and sends again',
  run: async (stage) => {
    const item = image({ layers: [layerOf(12_000_000)] });
    const bundle = await stage.bundleToPush((registry) => {
      registry.put('team/app', '1', item);
      return ['team/app:1'];
    });
    const target = await stage.fake();
    let done = false;
    const tokens = wantTokens(target);
    target.on((exchange) => {
      if (
        done ||
        exchange.kind !== 'upload' ||
        exchange.method !== 'PUT' ||
        Number(exchange.incoming.headers['content-length']) < 1_000_000
      )
        return undefined;
      done = true;
      tokens.given.clear();
      exchange.outgoing.writeHead(401, {
        'content-type': 'application/json',
        connection: 'close',
        'www-authenticate': `Bearer realm="${target.origin}/token",service="fake",scope="repository:${exchange.repository}:pull,push"`,
      });
      exchange.outgoing.end(errors('UNAUTHORIZED'), () => setTimeout(() => exchange.incoming.socket.destroy(), 100));
      return true;
    });
    stage.succeeds(await stage.push(bundle.file, `${target.host}/m`, target));
  },
});

quirk({
  id: 'push/subject-inside-an-index',
  weight: 'must',
  seenIn:
    'GitLab: a manifest with a subject is refused while its subject is not there; BuildKit’s newer attestations have the image beside them as subject',
  source: 'https://github.com/moby/buildkit/issues/7007, https://github.com/moby/buildkit/issues/5561',
  expected: 'subjects are sent before what names them',
  run: async (stage) => {
    const main = image();
    const attestation = referrerOf(main);
    attestation.platform = { os: 'unknown', architecture: 'unknown' };
    attestation.entry = { annotations: { 'vnd.docker.reference.digest': main.digest } };
    const { push } = await pushOne(
      stage,
      async (exchange) => {
        if (exchange.kind !== 'manifest' || exchange.method !== 'PUT') return undefined;
        const json = JSON.parse((await bodyOf(exchange.incoming)).toString());
        if (exchange.reference === main.digest) await sleep(400);
        return json.subject !== undefined &&
          !exchange.registry.repository(exchange.repository).manifests.has(json.subject.digest)
          ? send(
              exchange.outgoing,
              400,
              errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', json.subject.digest),
              JSON_TYPE,
            )
          : undefined;
      },
      { items: { 'team/app': index([attestation, main]) } },
    );
    stage.succeeds(await push());
  },
});
