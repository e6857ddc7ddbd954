import { digestOf } from '../../support/digest.ts';
import { send, sendBlob } from '../fake/answers.ts';
import { image, layerOf } from '../fake/content.ts';
import type { Exchange } from '../fake/registry.ts';
import { bearer, wantTokens } from '../fake/tokens.ts';
import { quirk } from '../quirk.ts';
import { bundleOne, once } from '../scenarios.ts';
import { DISTRIBUTION, GGCR } from '../sources.ts';

/** Hook for the storage below /s3/. */
const storage = (exchange: Exchange): true | undefined =>
  exchange.path.startsWith('/s3/')
    ? sendBlob(exchange.outgoing, exchange.registry.blob('team/app', exchange.path.slice(4)))
    : undefined;

for (const status of [301, 302, 303, 307, 308]) {
  quirk({
    id: `http/blob-redirect-${status}-relative`,
    weight: 'must',
    seenIn: 'quay.io (302), Docker Hub (307), Artifactory (302), GAR (302)',
    source: DISTRIBUTION,
    expected: 'followed',
    run: async (stage) => {
      const { run } = await bundleOne(
        stage,
        (exchange) =>
          storage(exchange) ??
          (exchange.kind === 'blob'
            ? send(exchange.outgoing, status, '', { location: `/s3/${exchange.reference}` })
            : undefined),
      );
      await stage.verifies(run);
    },
  });
}
quirk({
  id: 'http/blob-redirect-several-hops',
  weight: 'must',
  seenIn: 'registry.k8s.io → pkg.dev → storage',
  source: 'https://github.com/kubernetes/registry.k8s.io/blob/main/cmd/archeio/docs/request-handling.md',
  expected: 'followed',
  run: async (stage) => {
    const { run } = await bundleOne(
      stage,
      (exchange) =>
        storage(exchange) ??
        (exchange.kind === 'blob' && exchange.query.get('hop') !== '4'
          ? send(exchange.outgoing, 307, '', {
              location: `${exchange.path}?hop=${Number(exchange.query.get('hop') ?? 0) + 1}`,
            })
          : exchange.kind === 'blob'
            ? send(exchange.outgoing, 307, '', { location: `../../../../s3/${exchange.reference}` })
            : undefined),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/manifest-redirect',
  weight: 'must',
  seenIn: 'registry.k8s.io, k8s.gcr.io, Pulp',
  source: 'https://github.com/kubernetes/registry.k8s.io',
  expected: 'followed',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest' && exchange.query.get('x') === null
        ? send(exchange.outgoing, 307, '', { location: `${exchange.path}?x=1` })
        : undefined,
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/redirect-in-circles',
  weight: 'must',
  seenIn: 'broken front ends',
  source: '-',
  expected: 'fails at once, with image and reason',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest' ? send(exchange.outgoing, 302, '', { location: exchange.path }) : undefined,
    );
    stage.fails(run, /redirect/i, { within: 15 });
  },
});
quirk({
  id: 'http/storage-refuses-authorization',
  weight: 'must',
  seenIn: 'S3, Azure Blob: 400/403 when an Authorization header comes along',
  source: 'https://github.com/moby/moby/issues/19318',
  expected: 'none is sent to another host',
  run: async (stage) => {
    const s3 = await stage.fake({ tls: true });
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    s3.on((exchange) =>
      exchange.authorization
        ? send(
            exchange.outgoing,
            400,
            '<Error><Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message></Error>',
          )
        : sendBlob(exchange.outgoing, registry.blob('team/app', exchange.path.slice(1))),
    );
    registry.on((exchange) =>
      exchange.kind === 'blob'
        ? send(exchange.outgoing, 307, '', {
            location: `https://bucket.s3.eu-central-1.amazonaws.com/${exchange.reference}?X-Amz-Signature=abc`,
          })
        : undefined,
    );
    wantTokens(registry, {
      challenge: bearer('https://registry.example.com/token', 'x'),
    });
    await stage.hosts({ 'registry.example.com': registry, 'bucket.s3.eu-central-1.amazonaws.com': s3 });
    await stage.verifies(await stage.bundle(registry, 'registry.example.com/team/app:1'));
  },
});
quirk({
  id: 'http/signed-url-arrives-unchanged',
  weight: 'must',
  seenIn: 'CloudFront, S3, Azure SAS: any change of the query breaks the signature',
  source: 'https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas',
  expected: 'byte for byte',
  run: async (stage) => {
    const query =
      "?sig=a%2Bb%2Fc%3D&se=2026-01-01T00%3A00%3A00Z&x=a+b&t=~a_b-c.d!e*f(g)'h&p=%7Bx%7D|y;z&q[]=1&empty=&rscd=attachment%3B%20filename%3D%22x%22";
    const seen: string[] = [];
    const { run } = await bundleOne(stage, (exchange) => {
      if (exchange.path.startsWith('/s3/')) {
        seen.push(exchange.raw.slice(exchange.raw.indexOf('?')));
        return storage(exchange);
      }
      return exchange.kind === 'blob'
        ? send(exchange.outgoing, 307, '', { location: `/s3/${exchange.reference}${query}` })
        : undefined;
    });
    stage.succeeds(run);
    const same = (text: string): string => text.replaceAll("'", '%27').replaceAll('|', '%7C');
    stage.check(
      seen.every((text) => same(text) === same(query)),
      `sent ${seen[0]}\nnot  ${query}`,
    );
  },
});
quirk({
  id: 'http/signed-url-expires-while-resuming',
  weight: 'must',
  seenIn: 'Docker Hub, ghcr.io (5 minutes), quay.io: a broken download is continued later',
  source: 'https://github.com/containerd/stargz-snapshotter/pull/167',
  expected: 'a new URL is requested from the registry',
  run: async (stage) => {
    const layer = layerOf(400_000);
    let used = 0;
    const urls = new Map<number, number>();
    const { run } = await bundleOne(
      stage,
      (exchange) => {
        if (exchange.path.startsWith('/s3/')) {
          const n = Number(exchange.query.get('n'));
          const times = (urls.get(n) ?? 0) + 1;
          urls.set(n, times);
          if (times > 1)
            return send(
              exchange.outgoing,
              403,
              '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
            );
          if (n === 0) {
            exchange.outgoing.writeHead(200, { 'content-length': layer.length });
            exchange.outgoing.write(layer.subarray(0, 250_000), () =>
              setTimeout(() => exchange.outgoing.destroy(), 50),
            );
            return true;
          }
          return storage(exchange);
        }
        return exchange.kind === 'blob' && exchange.reference === digestOf(layer)
          ? send(exchange.outgoing, 307, '', { location: `/s3/${exchange.reference}?n=${used++}` })
          : undefined;
      },
      { item: image({ layers: [layer] }) },
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/first-signed-url-has-expired',
  weight: 'may',
  seenIn: 'registries and caches that hand out a cached redirect (Artifactory, Harbor with CloudFront, Nexus)',
  source:
    'https://github.com/containerd/stargz-snapshotter/pull/167 ("re-redirecting and getting fresh backend URL when 403 is returned")',
  expected: 'requests a new URL, a few times',
  run: async (stage) => {
    const isStorage = ({ path }: Exchange): boolean => path.startsWith('/s3/');
    const expired = once(isStorage, ({ outgoing }) =>
      send(outgoing, 403, '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', {
        'content-type': 'application/xml',
      }),
    );
    const { run } = await bundleOne(stage, async (exchange) => {
      if (!isStorage(exchange))
        return exchange.kind === 'blob'
          ? send(exchange.outgoing, 307, '', { location: `/s3/${exchange.reference}` })
          : undefined;
      return (await expired(exchange)) === true || storage(exchange);
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/redirect-to-a-registry-that-wants-tokens',
  weight: 'must',
  seenIn:
    'vanity names and Scarf gateways in front of ghcr.io or Docker Hub: oci.external-secrets.io (301), lscr.io; gateways of companies',
  source: `${GGCR}/issues/2359, https://github.com/external-secrets/external-secrets/issues/5611, https://github.com/nicholas-fedor/watchtower/pull/359`,
  expected: 'an anonymous token of the other registry, for the other registry',
  run: async (stage) => {
    const gate = await stage.fake({ tls: true });
    const real = await stage.fake({ tls: true });
    real.put('external-secrets/external-secrets', '1', image());
    wantTokens(real, {
      challenge: bearer('https://ghcr.io/token', 'ghcr.io'),
    });
    gate.on((exchange) => send(exchange.outgoing, 301, '', { location: `https://ghcr.io${exchange.raw}` }));
    await stage.hosts({ 'oci.external-secrets.io': gate, 'ghcr.io': real });
    await stage.verifies(await stage.bundle(gate, 'oci.external-secrets.io/external-secrets/external-secrets:1'));
  },
});
quirk({
  id: 'http/redirect-to-a-registry-uses-its-login',
  weight: 'must',
  seenIn: 'the same, with a login for the real registry only',
  source: 'https://github.com/getwud/wud/issues/143',
  expected: 'the login of the other host is used there',
  run: async (stage) => {
    const gate = await stage.fake({ tls: true });
    const real = await stage.fake({ tls: true });
    real.put('team/app', '1', image());
    wantTokens(real, {
      challenge: bearer('https://ghcr.io/token', 'ghcr.io'),
      anonymous: false,
    });
    gate.on((exchange) => send(exchange.outgoing, 307, '', { location: `https://ghcr.io${exchange.raw}` }));
    await stage.hosts({ 'oci.external-secrets.io': gate, 'ghcr.io': real });
    stage.login('ghcr.io', 'me', 'pw');
    await stage.verifies(await stage.bundle(gate, 'oci.external-secrets.io/team/app:1'));
  },
});
quirk({
  id: 'http/token-of-another-host-for-the-first',
  weight: 'must',
  seenIn: 'lscr.io in 2022: realm https://ghcr.io/token, token good for lscr.io',
  source: 'https://github.com/getwud/wud/issues/143',
  expected: 'works',
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    registry.put('linuxserver/app', '1', image());
    wantTokens(registry, {
      challenge: bearer('https://ghcr.io/token', 'ghcr.io'),
    });
    await stage.hosts({ 'lscr.io': registry, 'ghcr.io': registry });
    await stage.verifies(await stage.bundle(registry, 'lscr.io/linuxserver/app:1'));
  },
});
quirk({
  id: 'http/redirect-https-to-http',
  weight: 'must',
  seenIn: 'registries behind TLS proxies, captive portals',
  source:
    'https://github.com/google/go-containerregistry/blob/main/pkg/v1/remote/transport/bearer.go (validateRealmURL)',
  expected: 'refused; the error names the host',
  run: async (stage) => {
    const registry = await stage.fake({ tls: true });
    registry.put('team/app', '1', image());
    registry.on((exchange) =>
      exchange.kind === 'manifest'
        ? send(exchange.outgoing, 302, '', { location: 'http://portal.example.com/login' })
        : undefined,
    );
    await stage.hosts({ 'registry.example.com': registry });
    stage.fails(
      await stage.bundle(registry, 'registry.example.com/team/app:1'),
      [/portal\.example\.com/, /\bhttps?\b|TLS/i],
      { within: 15 },
    );
  },
});
