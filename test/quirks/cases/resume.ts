import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../support/digest.ts';
import { errors, send } from '../fake/answers.ts';
import { image, layerOf, TYPES } from '../fake/content.ts';
import type { Exchange } from '../fake/registry.ts';
import { quirk } from '../quirk.ts';
import { bundleOne } from '../scenarios.ts';
import type { Run, Stage } from '../stage.ts';

/** Bundles an image with a large layer whose first download breaks off. `then` answers the requests after it. */
async function resumed(
  stage: Stage,
  then: (exchange: Exchange, layer: Buffer) => unknown,
): Promise<{ readonly run: Run }> {
  const layer = layerOf(900_000);
  let first = true;
  return bundleOne(
    stage,
    (exchange) => {
      if (
        exchange.kind !== 'blob' ||
        exchange.registry.blob(exchange.repository, exchange.reference)?.length !== 900_000
      )
        return undefined;
      if (first) {
        first = false;
        exchange.outgoing.writeHead(200, { 'content-length': layer.length });
        exchange.outgoing.write(layer.subarray(0, 600_000), () => setTimeout(() => exchange.outgoing.destroy(), 50));
        return true;
      }
      return then(exchange, layer);
    },
    { item: image({ layers: [layer] }) },
  );
}

quirk({
  id: 'http/resume-range-ignored',
  weight: 'must',
  seenIn: 'Nexus, CDNs: 200 with all of it',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-14.2',
  expected: 'bytes that are already there are skipped',
  run: async (stage) => {
    const { run } = await resumed(stage, (exchange, layer) => send(exchange.outgoing, 200, layer));
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/resume-416',
  weight: 'must',
  seenIn:
    'go-containerregistry’s own registry (crane registry serve, ko, CI harnesses): 416 to an open range, bytes=N-',
  source: 'https://github.com/anchore/stereoscope/pull/695',
  expected: 'from the start, without a range',
  run: async (stage) => {
    const { run } = await resumed(stage, (exchange, layer) =>
      exchange.incoming.headers.range ? send(exchange.outgoing, 416, '') : send(exchange.outgoing, 200, layer),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/resume-400-for-range',
  weight: 'must',
  seenIn: 'registry.k8s.io’s storage: 400 with XML when a broken layer is continued',
  source:
    'https://github.com/kubernetes/registry.k8s.io/issues/333, https://github.com/containers/image/blob/main/docker/docker_image_src.go (BadPartialRequestError)',
  expected: 'from the start, without a range',
  run: async (stage) => {
    const { run } = await resumed(stage, (exchange, layer) =>
      exchange.incoming.headers.range
        ? send(exchange.outgoing, 400, errors('UNSUPPORTED'))
        : send(exchange.outgoing, 200, layer),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/resume-206-without-content-range',
  weight: 'may',
  seenIn: 'caches that forget the header',
  source: 'https://github.com/containers/image/blob/main/docker/body_reader.go (parseContentRange)',
  expected: 'from the start, without a range',
  run: async (stage) => {
    const { run } = await resumed(stage, (exchange, layer) =>
      exchange.incoming.headers.range
        ? send(exchange.outgoing, 206, layer.subarray(600_000))
        : send(exchange.outgoing, 200, layer),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/resume-206-from-elsewhere',
  weight: 'may',
  seenIn: 'caches that round ranges to blocks',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7',
  expected: 'from the start, without a range',
  run: async (stage) => {
    const { run } = await resumed(stage, (exchange, layer) =>
      exchange.incoming.headers.range
        ? send(exchange.outgoing, 206, layer.subarray(524_288), { 'content-range': `bytes 524288-899999/900000` })
        : send(exchange.outgoing, 200, layer),
    );
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/206-without-range',
  weight: 'must',
  seenIn: 'CDNs that answer 206 to a request without a range',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7',
  expected: 'accepted if it is the whole blob',
  run: async (stage) => {
    const { run } = await bundleOne(stage, (exchange) => {
      const blob =
        exchange.kind === 'blob' && exchange.method === 'GET'
          ? exchange.registry.blob(exchange.repository, exchange.reference)
          : undefined;
      return blob
        ? send(exchange.outgoing, 206, blob, { 'content-range': `bytes 0-${blob.length - 1}/${blob.length}` })
        : undefined;
    });
    await stage.verifies(run);
  },
});
quirk({
  id: 'http/slow-first-byte-of-a-layer',
  weight: 'must',
  seenIn:
    'Nexus as a pull-through cache: nothing until it has the whole layer; Harbor while its upstream is slow (417 s for a manifest)',
  source: 'https://github.com/sonatype/nexus-public/issues/284, https://github.com/goharbor/harbor/issues/18294',
  expected: 'waits longer than a minute',
  seconds: 80,
  run: async (stage) => {
    const layer = layerOf(50_000);
    const { run } = await bundleOne(
      stage,
      async (exchange) => {
        if (exchange.kind !== 'blob' || exchange.method !== 'GET' || exchange.reference !== digestOf(layer))
          return undefined;
        const closed = new AbortController();
        exchange.outgoing.on('close', () => closed.abort());
        return sleep(75_000, undefined, { signal: closed.signal }).catch(() => true);
      },
      { item: image({ layers: [layer] }), timeout: 280_000 },
    );
    await stage.verifies(run);
    stage.soon(run, 110);
  },
});
quirk({
  id: 'http/empty-body-200-for-a-manifest',
  weight: 'must',
  seenIn: 'proxies under load',
  source: '-',
  expected: 'retried',
  run: async (stage) => {
    let asked = 0;
    const { run } = await bundleOne(stage, (exchange) =>
      exchange.kind === 'manifest' && exchange.method === 'GET' && asked++ === 0
        ? send(exchange.outgoing, 200, '', { 'content-type': TYPES.ociManifest })
        : undefined,
    );
    await stage.verifies(run);
  },
});
