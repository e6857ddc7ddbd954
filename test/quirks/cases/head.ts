import type { OutgoingHttpHeaders } from 'node:http';
import { digestOf } from '../../support/digest.ts';
import { send } from '../fake/answers.ts';
import { image, signature, signatureTag } from '../fake/content.ts';
import type { Exchange, StoredManifest } from '../fake/registry.ts';
import { quirk, type Weight } from '../quirk.ts';
import { bundleOne, onManifest } from '../scenarios.ts';

/** Responses to HEAD for a manifest where GET works. */
interface HeadQuirk {
  readonly weight: Weight;
  readonly seenIn?: string;
  readonly source?: string;
  readonly answer: (exchange: Exchange, found: StoredManifest) => unknown;
}

/** Answers with the correct headers, changed. */
const headersBut =
  (change: (right: OutgoingHttpHeaders) => OutgoingHttpHeaders): HeadQuirk['answer'] =>
  ({ outgoing }, { type, bytes }) =>
    send(outgoing, 200, bytes, change({ 'content-type': type, 'docker-content-digest': digestOf(bytes) }));
const status =
  (code: number): HeadQuirk['answer'] =>
  ({ outgoing }) =>
    send(outgoing, code);

const HEADS: Readonly<Record<string, HeadQuirk>> = {
  'no-length': {
    weight: 'must',
    seenIn: 'registry.istio.io, Artifactory (bintray)',
    source: 'https://github.com/distribution/distribution/issues/4895',
    answer: ({ outgoing }, { type, bytes }) => {
      const right = { 'content-type': type, 'docker-content-digest': digestOf(bytes) };
      outgoing.writeHead(200, { ...right, 'transfer-encoding': 'chunked' }).end();
      return true;
    },
  },
  'length-zero': {
    weight: 'must',
    seenIn: 'GoDoxy, some proxies',
    source: 'https://github.com/yusing/godoxy/issues/169',
    answer: headersBut((right) => ({ ...right, 'content-length': '0' })),
  },
  'length-of-something-else': {
    weight: 'may',
    answer: headersBut((right) => ({ ...right, 'content-length': '20' })),
  },
  'no-digest': {
    weight: 'must',
    seenIn: 'registry.access.redhat.com, static registries',
    source: 'https://github.com/containerd/containerd/issues/3238',
    answer: headersBut(({ 'docker-content-digest': _, ...rest }) => rest),
  },
  'no-type': { weight: 'must', answer: headersBut(({ 'content-type': _, ...rest }) => rest) },
  'json-type': {
    weight: 'must',
    seenIn: 'Katello',
    source: 'https://github.com/Katello/katello/pull/8070',
    answer: headersBut((right) => ({ ...right, 'content-type': 'application/json' })),
  },
  '405': {
    weight: 'must',
    seenIn: 'distribution 2.2, old Nexus',
    source: 'https://github.com/distribution/distribution/issues/1485',
    answer: status(405),
  },
  '501': { weight: 'may', answer: status(501) },
  '400': { weight: 'may', answer: status(400) },
  'storage-403': {
    weight: 'must',
    seenIn: 'Pulp/Katello/Satellite and GitLab virtual registries with S3: the URL is signed for GET',
    source: 'https://github.com/pulp/pulp_container/issues/579, https://github.com/moby/moby/issues/50065',
    answer: ({ outgoing, path }) => send(outgoing, 307, '', { location: `/s3${path}` }),
  },
};

for (const [name, { weight, seenIn, source, answer }] of Object.entries(HEADS)) {
  quirk({
    id: `manifest/head-${name}-signature-is-carried`,
    weight,
    seenIn: seenIn ?? 'registries without a proper HEAD',
    source: source ?? 'https://github.com/merll/docker-registry-util/issues/3',
    expected: 'the cosign signature is bundled',
    run: async (stage) => {
      const item = image();
      const signed = signature();
      const { run } = await bundleOne(
        stage,
        onManifest((found, exchange) => exchange.method === 'HEAD' && answer(exchange, found)),
        {
          item,
          setUp: (registry) => {
            registry.put('team/app', signatureTag(item), signed);
            registry.on(({ path, outgoing }) => path.startsWith('/s3/') && send(outgoing, 403));
          },
        },
      );
      stage.succeeds(run);
      stage.check(await stage.includes(signed), 'the signature is not bundled', run);
    },
  });
}
