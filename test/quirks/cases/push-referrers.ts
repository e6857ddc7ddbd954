import { bodyOf, errors, HTML_TYPE, JSON_TYPE, rewriteHead, send } from '../fake/answers.ts';
import { image, index, type Json, referrerOf } from '../fake/content.ts';
import { type Hook, sendReferrers } from '../fake/registry.ts';
import { quirk, textFor, weightFor } from '../quirk.ts';
import { pushOne } from '../scenarios.ts';
import { DISTRIBUTION } from '../sources.ts';

for (const [name, status, text] of [
  ['400-manifest-blob-unknown', 400, errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry')],
  ['400-manifest-invalid', 400, errors('MANIFEST_INVALID', 'manifest invalid')],
  ['415', 415, errors('UNSUPPORTED')],
  ['405', 405, errors('UNSUPPORTED')],
  ['400-unknown', 400, errors('UNKNOWN', 'unknown field subject')],
  ['400-plain', 400, 'bad manifest'],
  ['400-tag-invalid', 400, errors('TAG_INVALID', 'manifest tag did not match URI')],
  ['404', 404, errors('MANIFEST_UNKNOWN')],
  ['422', 422, ''],
  ['500', 500, errors('UNKNOWN', 'unknown error')],
  ['403-denied', 403, errors('DENIED', 'unsupported artifact type')],
] as const) {
  quirk({
    id: `push/referrer-refused-${name}`,
    weight: weightFor(['400-unknown', '400-plain', '400-tag-invalid', '404', '422', '500', '403-denied'], name),
    seenIn: textFor(
      name,
      {
        '400-manifest-invalid': 'quay.io, Artifactory 6',
        415: 'quay.io',
        405: 'ECR',
        '400-manifest-blob-unknown': 'Docker Hub, GitLab',
      },
      'registries that do not know artifacts',
    ),
    source:
      'https://github.com/oras-project/oras/issues/738 (quay.io 415, 400), https://github.com/oras-project/oras/issues/666 (Docker Hub 400 MANIFEST_BLOB_UNKNOWN), https://github.com/aws/containers-roadmap/issues/2783 (ECR 405), https://github.com/sigstore/cosign/issues/1994',
    expected: 'a warning, exit 0: the images are pushed',
    run: async (stage) => {
      const item = image();
      const hook: Hook = async ({ kind, method, incoming, outgoing }) => {
        if (kind !== 'manifest' || method !== 'PUT') return undefined;
        const { subject } = JSON.parse((await bodyOf(incoming)).toString()) as Json;
        return subject !== undefined && send(outgoing, status, text, JSON_TYPE);
      };
      const also = [['', referrerOf(item)]] as const;
      const { push, isComplete } = await pushOne(stage, hook, { items: { 'team/app': item }, also });
      const run = await push();
      stage.succeeds(run);
      stage.soon(run, 60);
      isComplete();
    },
  });
}
const APIS: Readonly<Record<string, Hook | undefined>> = {
  missing: undefined,
  'empty-and-not-kept': (exchange) =>
    exchange.kind === 'referrers' ? sendReferrers(exchange.outgoing, []) : undefined,
  'html-200': (exchange) =>
    exchange.kind === 'referrers' ? send(exchange.outgoing, 200, '<html>', HTML_TYPE) : undefined,
  500: (exchange) => (exchange.kind === 'referrers' ? send(exchange.outgoing, 500, '') : undefined),
  403: (exchange) =>
    exchange.kind === 'referrers' ? send(exchange.outgoing, 403, errors('DENIED'), JSON_TYPE) : undefined,
};
for (const [name, hook] of Object.entries(APIS)) {
  quirk({
    id: `push/target-referrers-api-${name}`,
    weight: weightFor(['500'], name),
    seenIn: textFor(name, {
      missing: 'GitLab, Nexus, distribution',
      'empty-and-not-kept':
        'registries that give a false 200 for the API and know nothing of subjects (no OCI-Subject header)',
      'html-200': 'Nexus, front ends',
    }),
    source:
      'https://github.com/sigstore/sigstore-js/pull/1187, https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject',
    expected: 'referrers are listed under the fallback tag',
    run: async (stage) => {
      const item = image();
      const { push, target } = await pushOne(stage, hook, {
        items: { 'team/app': item },
        also: [['', referrerOf(item)]],
        referrers: hook !== undefined,
        setUp: (registry) =>
          registry.on(({ outgoing }) =>
            rewriteHead(outgoing, (status, { 'oci-subject': _, ...rest }) => [status, rest]),
          ),
      });
      const run = await push();
      stage.succeeds(run);
      stage.check(
        [...target.repositories.values()].some(({ tags }) => tags.has(item.digest.replace(':', '-'))),
        'no list under the tag',
        run,
      );
    },
  });
}
quirk({
  id: 'push/warning-header',
  weight: 'should',
  seenIn: 'Docker Hub, Quay: Warning: 299 - "…"',
  source: `${DISTRIBUTION}#warnings`,
  expected: 'one warning',
  run: async (stage) => {
    const { push } = await pushOne(stage, (exchange) => {
      exchange.outgoing.setHeader('warning', '299 - "this registry is read only from Monday on"');
    });
    const run = await push();
    stage.succeeds(run);
    stage.check(/read only from Monday/.test(run.text), 'the warning is not shown', run);
  },
});
for (const [name, make] of Object.entries({
  index: () => index([image(), image({ platform: 'linux/arm64' })]),
  image: () => image(),
})) {
  quirk({
    id: `push/gitlab-fallback-tag-is-the-subject-${name}`,
    weight: 'must',
    seenIn: 'GitLab as the target: the tag sha256-<hex> is read as the digest, and gives the image itself',
    source: 'https://github.com/oras-project/oras-go/issues/1396, https://github.com/oras-project/oras/issues/2148',
    expected:
      'images and referrers are pushed; a warning that referrers cannot be listed; no children of the image in a list',
    run: async (stage) => {
      const item = make();
      const hook: Hook = (exchange) => {
        if (exchange.kind === 'manifest' && /^sha256-[0-9a-f]{64}$/.test(exchange.reference))
          exchange.reference = exchange.reference.replace('-', ':');
      };
      const referrer = referrerOf(item);
      const { push, target } = await pushOne(stage, hook, {
        items: { 'team/app': item },
        also: [['', referrer]],
        referrers: false,
      });
      const run = await push();
      stage.succeeds(run);
      stage.check(target.holds(referrer), 'the referrer is missing', run);
      stage.check(/^warning: .*team\/app/im.test(run.text), 'no warning names the repository', run);
    },
  });
}
