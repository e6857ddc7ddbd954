import { digestOf } from '../../support/digest.ts';
import { errors, HTML_TYPE, JSON_TYPE, send } from '../fake/answers.ts';
import { descriptorOf, image, index, referrerOf, signature, signatureTag, TYPES } from '../fake/content.ts';
import { type Exchange, type Hook, sendReferrers } from '../fake/registry.ts';
import { quirk, textFor, weightFor } from '../quirk.ts';
import { bundleOne } from '../scenarios.ts';
import { DISTRIBUTION, GGCR } from '../sources.ts';

/** Responses to requests for referrers and fallback tags. */
const ASIDES: Readonly<Record<string, Hook>> = {
  400: (exchange) => send(exchange.outgoing, 400, errors('TAG_INVALID'), JSON_TYPE),
  401: (exchange) => send(exchange.outgoing, 401, errors('UNAUTHORIZED'), JSON_TYPE),
  403: (exchange) => send(exchange.outgoing, 403, errors('DENIED'), JSON_TYPE),
  500: (exchange) => send(exchange.outgoing, 500, errors('UNKNOWN'), JSON_TYPE),
  'html-200': (exchange) => send(exchange.outgoing, 200, '<html>login</html>', HTML_TYPE),
  'redirect-to-login': (exchange) =>
    exchange.path === '/login'
      ? send(exchange.outgoing, 200, '<html>login</html>', HTML_TYPE)
      : send(exchange.outgoing, 302, '', { location: '/login' }),
};

for (const [name, answer] of Object.entries(ASIDES)) {
  quirk({
    id: `manifest/cosign-tag-${name}`,
    weight: 'may',
    seenIn: textFor(name, {
      400: 'registries that refuse such tags',
      500: 'registries that fall over such tags',
      'redirect-to-login': 'Artifactory, SSO front ends',
      403: 'Artifactory',
    }),
    source:
      name === '403'
        ? 'https://github.com/sigstore/cosign/issues/2973'
        : 'https://github.com/containers/image/blob/main/docker/docker_client.go (isManifestUnknownError, "Are we going to need better heuristics")',
    expected: 'a warning at most: the image itself could be read',
    run: async (stage) => {
      const { run } = await bundleOne(stage, (exchange) =>
        (exchange.kind === 'manifest' && /^sha256-/.test(exchange.reference)) || exchange.path === '/login'
          ? answer(exchange)
          : undefined,
      );
      await stage.verifies(run);
      stage.soon(run, 60);
    },
  });
}
const APIS: Readonly<Record<string, Hook>> = {
  ...ASIDES,
  404: (exchange) => send(exchange.outgoing, 404, '404 page not found', { 'content-type': 'text/plain' }),
  405: (exchange) => send(exchange.outgoing, 405, ''),
  406: (exchange) => send(exchange.outgoing, 406, ''),
  501: (exchange) => send(exchange.outgoing, 501, ''),
};
for (const [name, answer] of Object.entries(APIS)) {
  quirk({
    id: `manifest/referrers-api-${name}`,
    weight: weightFor(['500'], name),
    seenIn: textFor(name, {
      500: 'registries that fail at unknown paths',
      400: 'registries that take referrers for a name',
      'html-200': 'Nexus, Quay front ends: the page of the user interface',
      404: 'ghcr.io, GitLab, distribution',
      406: 'a registry in ggcr#1962',
      'redirect-to-login': 'Artifactory',
    }),
    source:
      name === '406'
        ? `${GGCR}/issues/1962`
        : `${GGCR}/blob/main/pkg/v1/remote/referrers.go (404, 400, 406 and any other content type mean: none)`,
    expected: 'treated as no referrers API; the fallback tag is read',
    run: async (stage) => {
      const { run } = await bundleOne(stage, (exchange) =>
        exchange.kind === 'referrers' || exchange.path === '/login' ? answer(exchange) : undefined,
      );
      await stage.verifies(run);
      stage.soon(run, 60);
    },
  });
}
quirk({
  id: 'manifest/referrers-api-never-answers',
  weight: 'should',
  seenIn: 'front ends that hold requests for paths that they do not know',
  source: '-',
  expected: 'ends in time with a warning; the image and the signature of its tag are bundled',
  seconds: 130,
  run: async (stage) => {
    const item = image();
    const signed = signature();
    const { run } = await bundleOne(
      stage,
      // Never resolved: the request stays open until the plugin ends it.
      ({ kind }) => kind === 'referrers' && new Promise(() => {}),
      { item, setUp: (registry) => registry.put('team/app', signatureTag(item), signed), timeout: 280_000 },
    );
    stage.succeeds(run);
    stage.check(await stage.includes(signed), 'the signature is not bundled', run);
  },
});
quirk({
  id: 'manifest/referrers-api-json-without-list',
  weight: 'may',
  seenIn: 'front ends that answer {} to everything',
  source: '-',
  expected: 'treated as none',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'referrers' ? send(exchange.outgoing, 200, '{}', JSON_TYPE) : undefined,
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/referrers-null-list',
  weight: 'must',
  seenIn: 'Go registries: "manifests": null',
  source: 'https://github.com/oras-project/oras-go',
  expected: 'an empty list',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'referrers'
        ? send(exchange.outgoing, 200, `{"schemaVersion":2,"mediaType":"${TYPES.ociIndex}","manifests":null}`, {
            'content-type': TYPES.ociIndex,
          })
        : undefined,
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'manifest/referrers-type-with-charset',
  weight: 'must',
  seenIn: 'proxies',
  source: '-',
  expected: 'a list',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'referrers'
        ? send(exchange.outgoing, 200, `{"schemaVersion":2,"manifests":[]}`, {
            'content-type': `${TYPES.ociIndex};charset=utf-8`,
          })
        : undefined,
    );
    await stage.verifies(run);
  },
});

quirk({
  id: 'manifest/referrer-of-artifact-manifest-type',
  weight: 'may',
  seenIn: 'ACR, Zot (Notation and oras before 1.0): application/vnd.oci.artifact.manifest.v1+json',
  source: 'https://github.com/Azure/azure-cli/issues/24976',
  expected: 'a warning; image and other referrers are bundled',
  run: async (stage) => {
    const item = image();
    const good = referrerOf(item);
    const blob = Buffer.from('sbom');
    const bytes = Buffer.from(
      JSON.stringify({
        mediaType: TYPES.ociArtifact,
        artifactType: 'application/vnd.cncf.notary.signature',
        blobs: [descriptorOf(blob, 'application/jose+json')],
        subject: { mediaType: item.type, digest: item.digest, size: item.bytes.length },
      }),
    );
    const { run } = await bundleOne(stage, undefined, {
      item,
      setUp: (registry) => {
        registry.put('team/app', undefined, good);
        registry.put('team/app', undefined, {
          bytes,
          digest: digestOf(bytes),
          type: TYPES.ociArtifact,
          blobs: new Map([[digestOf(blob), blob]]),
          children: [],
        });
      },
    });
    stage.succeeds(run);
    stage.check(await stage.includes(good), 'the other referrer is not bundled');
  },
});
quirk({
  id: 'manifest/referrer-listed-and-gone',
  weight: 'must',
  seenIn: 'ACR, Harbor after garbage collection',
  source: 'https://github.com/kubernetes/registry.k8s.io/issues/324',
  expected: 'a warning',
  run: async (stage) => {
    const item = image();
    const gone = referrerOf(item);
    const { run } = await bundleOne(
      stage,
      (exchange) =>
        exchange.kind === 'manifest' && exchange.reference === gone.digest
          ? send(exchange.outgoing, 404, errors('MANIFEST_UNKNOWN'), JSON_TYPE)
          : undefined,
      { item, setUp: (registry) => registry.put('team/app', undefined, gone) },
    );
    await stage.verifies(run);
  },
});
const LINKS: Readonly<Record<string, (exchange: Exchange) => string | string[]>> = {
  relative: (exchange) => `</v2/team/app/referrers/${exchange.reference}?last=1>; rel="next"`,
  absolute: (exchange) =>
    `<${exchange.registry.origin}/v2/team/app/referrers/${exchange.reference}?last=1>; rel="next"`,
  unquoted: (exchange) => `</v2/team/app/referrers/${exchange.reference}?last=1>;rel=next`,
  'two-links': (exchange) =>
    `</v2/team/app/referrers/${exchange.reference}>; rel="first", </v2/team/app/referrers/${exchange.reference}?last=1>; rel="next"`,
  'query-only': () => '<?last=1>; rel="next"',
  'two-headers': (exchange) => [
    `</v2/team/app/referrers/${exchange.reference}>; rel="first"`,
    `</v2/team/app/referrers/${exchange.reference}?last=1>; rel="next"`,
  ],
  capitals: (exchange) => `</v2/team/app/referrers/${exchange.reference}?last=1>; Rel="Next"`,
};
for (const [name, link] of Object.entries(LINKS)) {
  quirk({
    id: `manifest/referrers-next-page-${name}`,
    weight: weightFor(['two-headers'], name),
    seenIn: 'ECR (50 a page), ACR, GAR, Zot',
    source: 'https://www.rfc-editor.org/rfc/rfc8288#section-3',
    expected: 'all pages are read',
    run: async (stage) => {
      const item = image();
      const two = [referrerOf(item), referrerOf(item)];
      const { run } = await bundleOne(
        stage,
        (exchange) => {
          if (exchange.kind !== 'referrers' || exchange.reference !== item.digest) return undefined;
          const all = exchange.registry.referrersOf(exchange.repository, exchange.reference);
          const isLast = exchange.query.get('last') === '1';
          const page = isLast ? all.slice(1) : all.slice(0, 1);
          return sendReferrers(exchange.outgoing, page, isLast ? {} : { link: link(exchange) });
        },
        { item, setUp: (registry) => two.map((one) => registry.put('team/app', undefined, one)) },
      );
      stage.succeeds(run);
      for (const one of two) stage.check(await stage.includes(one), 'a referrer of the second page is not bundled');
    },
  });
}
for (const { id, seenIn, source, docker } of [
  {
    id: 'manifest/fallback-tag',
    seenIn: 'Docker Hub (until 2025), GitLab, Nexus, distribution',
    source: `${DISTRIBUTION}#referrers-tag-schema`,
    docker: false,
  },
  {
    id: 'manifest/fallback-tag-is-docker-list',
    seenIn: 'registries that convert indexes',
    source: '-',
    docker: true,
  },
]) {
  quirk({
    id,
    weight: 'must',
    seenIn,
    source,
    expected: 'referrers are bundled',
    run: async (stage) => {
      const item = image();
      const good = referrerOf(item);
      const { run } = await bundleOne(stage, undefined, {
        item,
        referrers: false,
        setUp: (registry) => {
          registry.put('team/app', undefined, good);
          registry.put('team/app', item.digest.replace(':', '-'), index([good], { docker }));
        },
      });
      stage.succeeds(run);
      stage.check(await stage.includes(good), 'not bundled');
    },
  });
}

// Behaviour of GitLab and registry.k8s.io.
for (const [name, make] of Object.entries({
  index: () => index([image(), image({ platform: 'linux/arm64' })]),
  image: () => image(),
})) {
  quirk({
    id: `manifest/gitlab-fallback-tag-is-the-subject-${name}`,
    weight: 'should',
    seenIn:
      'registry.gitlab.com: no referrers API, and the tag sha256-<hex> is read as the digest sha256:<hex>, so it gives the image itself',
    source: 'https://github.com/oras-project/oras-go/issues/1396, https://github.com/oras-project/oras/issues/2148',
    expected: 'recognised: no referrers, and no warning for each platform',
    run: async (stage) => {
      const { run } = await bundleOne(
        stage,
        (exchange) => {
          if (exchange.kind === 'manifest' && /^sha256-[0-9a-f]{64}$/.test(exchange.reference))
            exchange.reference = exchange.reference.replace('-', ':');
        },
        { item: make(), referrers: false },
      );
      await stage.verifies(run);
      stage.check(!/^warning: /im.test(run.text), 'it warns', run);
    },
  });
}
quirk({
  id: 'manifest/signature-by-tag-only',
  weight: 'must',
  seenIn: 'registry.k8s.io: the signature tag answers, its digest is redirected to another region and is 404 there',
  source: 'https://github.com/kubernetes/registry.k8s.io/issues/324',
  expected: 'read by its tag; the signature is bundled',
  run: async (stage) => {
    const item = image();
    const signed = signature();
    const { run } = await bundleOne(
      stage,
      (exchange) =>
        exchange.kind === 'manifest' && exchange.reference === signed.digest
          ? send(exchange.outgoing, 404, errors('MANIFEST_UNKNOWN'), JSON_TYPE)
          : undefined,
      { item, setUp: (registry) => registry.put('team/app', signatureTag(item), signed) },
    );
    stage.succeeds(run);
    stage.check(await stage.includes(signed), 'the signature is not bundled', run);
  },
});
