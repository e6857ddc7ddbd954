import { errors, JSON_TYPE, send, sendBlob } from '../fake/answers.ts';
import { image, index } from '../fake/content.ts';
import type { Exchange } from '../fake/registry.ts';
import { quirk } from '../quirk.ts';
import { bundleOne, LOG_IN, once } from '../scenarios.ts';
import { GGCR } from '../sources.ts';

const isContent = ({ kind }: Exchange): boolean => kind === 'manifest' || kind === 'blob';

for (const [name, headers] of Object.entries<() => object>({
  plain: () => ({}),
  seconds: () => ({ 'retry-after': '1' }),
  date: () => ({ 'retry-after': new Date(Date.now() + 1500).toUTCString() }),
  zero: () => ({ 'retry-after': '0' }),
  fraction: () => ({ 'retry-after': '0.5' }),
  nonsense: () => ({ 'retry-after': 'soon' }),
})) {
  quirk({
    id: `http/429-once-retry-after-${name}`,
    weight: 'must',
    seenIn: 'Docker Hub, quay.io, ghcr.io, ECR',
    source: 'https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3',
    expected: 'retries',
    run: async (stage) => {
      const { run } = await bundleOne(
        stage,
        once(isContent, (exchange) =>
          send(exchange.outgoing, 429, errors('TOOMANYREQUESTS', 'rate exceeded'), {
            ...JSON_TYPE,
            ...headers(),
          }),
        ),
      );
      stage.succeeds(run);
    },
  });
}
quirk({
  id: 'http/hub-pull-limit',
  weight: 'should',
  seenIn: 'Docker Hub: 429 toomanyrequests for hours, ratelimit-remaining 0;w=21600',
  source: 'https://docs.docker.com/docker-hub/usage/pulls/',
  expected: 'fails within 45 s, with the hint to log in: waiting does not help',
  seconds: 30,
  run: async (stage) => {
    const said = 'You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit';
    const { run } = await bundleOne(
      stage,
      (exchange) =>
        exchange.kind === 'manifest'
          ? send(exchange.outgoing, 429, errors('TOOMANYREQUESTS', said), {
              ...JSON_TYPE,
              'ratelimit-limit': '10;w=21600',
              'ratelimit-remaining': '0;w=21600',
              'docker-ratelimit-source': '1.2.3.4',
            })
          : undefined,
      { timeout: 280_000 },
    );
    stage.fails(run, [/rate limit|429|TOOMANYREQUESTS/i, LOG_IN], { within: 45 });
  },
});
quirk({
  id: 'http/429-retry-after-an-hour',
  weight: 'should',
  seenIn: 'ghcr.io, GitLab, Docker Hub abuse limits',
  source: 'https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api',
  expected: 'fails at once, with the requested delay',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest'
        ? send(exchange.outgoing, 429, errors('TOOMANYREQUESTS'), { ...JSON_TYPE, 'retry-after': '3600' })
        : undefined,
    );
    stage.fails(run, [/429|TOOMANYREQUESTS|too many requests/i, /3600|hour|60 min/i], { within: 20 });
  },
});
quirk({
  id: 'http/503-retry-after-an-hour',
  weight: 'should',
  seenIn: 'registries in maintenance: 503 with a long Retry-After',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3',
  expected: 'fails at once, with the requested delay',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest' ? send(exchange.outgoing, 503, 'maintenance', { 'retry-after': '3600' }) : undefined,
    );
    stage.fails(run, [/503/, /3600|hour|60 min/i], { within: 20 });
  },
});
quirk({
  id: 'http/one-request-a-second',
  weight: 'must',
  seenIn: 'public.ecr.aws without login: 1 a second, 429 without Retry-After',
  source: 'https://github.com/aws/aws-lambda-web-adapter/issues/429',
  expected: 'slow, but complete',
  seconds: 55,
  run: async (stage) => {
    const registry = await stage.fake();
    let bucket = 3;
    let last = Date.now();
    registry.on((exchange) => {
      const now = Date.now();
      bucket = Math.min(3, bucket + (now - last) / 1000);
      last = now;
      if (bucket >= 1) {
        bucket -= 1;
        return undefined;
      }
      return send(exchange.outgoing, 429, errors('TOOMANYREQUESTS', 'Rate exceeded'), JSON_TYPE);
    });
    const names = Array.from({ length: 4 }, (_, i) => {
      registry.put(`team/app${i}`, '1', index([image(), image({ platform: 'linux/arm64' })]));
      return `${registry.host}/team/app${i}:1`;
    });
    const run = await stage.bundle(registry, names, { timeout: 280_000 });
    stage.succeeds(run);
  },
});
for (const status of [499, 520, 522, 524]) {
  quirk({
    id: `http/status-${status}-once`,
    weight: 'must',
    seenIn: status === 499 ? 'nginx' : 'Cloudflare in front of a registry',
    source: `${GGCR}/blob/main/pkg/v1/remote/options.go (defaultRetryStatusCodes: 499, 522) and https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/`,
    expected: 'retries',
    run: async (stage) => {
      const isRead = (exchange: Exchange): boolean => isContent(exchange) && exchange.method === 'GET';
      const { run } = await bundleOne(
        stage,
        once(isRead, (exchange) => send(exchange.outgoing, status, 'error code', {})),
      );
      stage.succeeds(run);
    },
  });
}
quirk({
  id: 'http/503-slow-down-from-storage',
  weight: 'must',
  seenIn: 'S3 503 SlowDown behind a redirect',
  source: 'https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html',
  expected: 'retries',
  run: async (stage) => {
    let asked = 0;
    const { run } = await bundleOne(stage, (exchange) => {
      if (exchange.path.startsWith('/s3/'))
        return asked++ < 2
          ? send(exchange.outgoing, 503, '<Error><Code>SlowDown</Code></Error>', { 'content-type': 'application/xml' })
          : sendBlob(exchange.outgoing, exchange.registry.blob('team/app', exchange.path.slice(4)));
      return exchange.kind === 'blob'
        ? send(exchange.outgoing, 307, '', { location: `/s3/${exchange.reference}` })
        : undefined;
    });
    await stage.verifies(run);
  },
});
