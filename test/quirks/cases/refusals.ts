import type { OutgoingHttpHeaders } from 'node:http';
import { bodyOf, errors, JSON_TYPE, send } from '../fake/answers.ts';
import { image, layerOf } from '../fake/content.ts';
import type { Exchange, Hook, Kind } from '../fake/registry.ts';
import { quirk, textFor } from '../quirk.ts';
import { pushOne } from '../scenarios.ts';
import { DISTRIBUTION } from '../sources.ts';

const isLargeUpload = ({ kind, method, incoming }: Exchange): boolean =>
  kind === 'upload' && method === 'PUT' && Number(incoming.headers['content-length']) >= 1_000_000;

/** Matches an error about a missing repository. */
const MISSING_REPOSITORY =
  /no such repository|\brepository\b.*\b(?:missing|(?:not|n't) (?:exist|found|there))|NAME_UNKNOWN|--create-repositories/i;

quirk({
  id: 'push/manifest-blob-unknown-for-good',
  weight: 'should',
  seenIn: 'a registry that lost a blob',
  source: '-',
  expected: 'the error does not say that the repository is missing',
  run: async (stage) => {
    const { push } = await pushOne(stage, async (exchange) => {
      if (exchange.kind !== 'manifest' || exchange.method !== 'PUT') return undefined;
      await bodyOf(exchange.incoming);
      return send(exchange.outgoing, 404, errors('MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry'), JSON_TYPE);
    });
    const run = await push();
    stage.fails(run, /MANIFEST_BLOB_UNKNOWN/, { within: 60 });
    stage.check(!MISSING_REPOSITORY.test(run.text), 'says that the repository is missing', run);
  },
});

/** Hook that refuses requests of a kind. */
const refused =
  (kind: Kind, method: string, status: number, text: string, headers: OutgoingHttpHeaders = JSON_TYPE): Hook =>
  async (exchange) => {
    if (exchange.kind !== kind || exchange.method !== method) return undefined;
    await bodyOf(exchange.incoming);
    return send(exchange.outgoing, status, text, headers);
  };

quirk({
  id: 'push/413-from-a-proxy',
  weight: 'should',
  seenIn: 'nginx ingress (client_max_body_size 1m), Cloudflare (100 MB): 413 and the connection is closed',
  source:
    'https://github.com/goharbor/harbor/issues/15823, https://github.com/cloudflare/serverless-registry/issues/67, https://github.com/goharbor/harbor-operator/issues/62',
  expected: 'the error names the 413 and a limit of a proxy',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      (exchange) => {
        if (!isLargeUpload(exchange)) return undefined;
        exchange.outgoing.writeHead(413, { 'content-type': 'text/html', connection: 'close' });
        exchange.outgoing.end('<html><head><title>413 Request Entity Too Large</title></head></html>', () =>
          setTimeout(() => exchange.incoming.socket.destroy(), 100),
        );
        return true;
      },
      { items: { 'team/app': image({ layers: [layerOf(12_000_000)] }) } },
    );
    stage.fails(await push(), [/413/, /proxy|limit|too large|body.size/i], { within: 60 });
  },
});
quirk({
  id: 'push/413-with-http-reset',
  weight: 'should',
  seenIn: 'the same, when the proxy resets at once',
  source: 'https://github.com/docker/build-push-action/issues/634',
  expected: 'the error names 413 or the closed connection',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      (exchange) => {
        if (!isLargeUpload(exchange)) return undefined;
        exchange.incoming.socket.end(
          'HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
        );
        return true;
      },
      { items: { 'team/app': image({ layers: [layerOf(12_000_000)] }) } },
    );
    stage.fails(await push(), [/413|connection/i, /team\/app/], { within: 60 });
  },
});
quirk({
  id: 'push/301-from-http-to-https',
  weight: 'should',
  seenIn: 'nginx: --plain-http for a host that redirects to https',
  source: 'https://www.rfc-editor.org/rfc/rfc9110#section-15.4.2',
  expected: 'follows the redirect, or names https',
  run: async (stage) => {
    const bundle = await stage.bundleToPush();
    const target = await stage.fake({ tls: true });
    const front = await stage.fake();
    front.on(async (exchange) => {
      await bodyOf(exchange.incoming);
      return send(exchange.outgoing, 301, '<html>', { location: `https://registry.example.com${exchange.raw}` });
    });
    await stage.hosts({ 'registry.example.com': target }, { 'registry.example.com': front });
    const run = await stage.push(bundle.file, 'registry.example.com/m', target, {
      args: ['--plain-http', 'registry.example.com'],
    });
    stage.check(run.code === 0 || /https|TLS/.test(run.text), 'neither pushed nor an error that names https', run);
  },
});
quirk({
  id: 'push/project-missing-harbor',
  weight: 'must',
  seenIn: 'Harbor: 401/404 for a missing project',
  source: 'https://github.com/paketo-buildpacks/pipeline-builder/pull/749',
  expected: 'the error has the registry’s text',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      refused('start', 'POST', 401, errors('UNAUTHORIZED', 'project m not found: project m not found')),
    );
    stage.fails(await push(), [/project m not found/], { within: 20 });
  },
});
quirk({
  id: 'push/name-too-deep',
  weight: 'should',
  seenIn: 'Docker Hub (two parts), GitLab, Quay: NAME_INVALID or DENIED for a deep path',
  source: 'https://docs.docker.com/docker-hub/repos/',
  expected: 'the error has the registry’s text and --naming',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      refused('start', 'POST', 400, errors('NAME_INVALID', 'invalid repository name')),
    );
    stage.fails(await push(), [/NAME_INVALID|invalid repository name/, /--naming/], { within: 20 });
  },
});
quirk({
  id: 'push/denied-requested-access',
  weight: 'must',
  seenIn: 'Docker Hub: 401/403 DENIED requested access to the resource is denied',
  source: 'https://docs.docker.com/reference/cli/docker/image/push/',
  expected: 'the error has the registry’s text',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      refused('start', 'POST', 403, errors('DENIED', 'requested access to the resource is denied')),
    );
    stage.fails(await push(), [/requested access to the resource is denied/], { within: 20 });
  },
});
for (const [name, status, text] of [
  [
    'ecr',
    400,
    errors(
      'TAG_INVALID',
      "The image tag '1' already exists in the 'x' repository and cannot be overwritten because the repository is immutable.",
    ),
  ],
  ['harbor', 412, errors('PRECONDITION', "Failed to process request due to 'app:1' configured as immutable.")],
  [
    'artifactory',
    403,
    errors('DENIED', 'Not enough permissions to overwrite artifact m/app/1 (user ci needs DELETE permission)'),
  ],
  ['nexus', 400, errors('UNKNOWN', 'Repository does not allow updating assets: docker-hosted')],
  ['acr', 405, errors('DENIED', 'The operation is disallowed on this registry, repository or image.')],
] as const) {
  quirk({
    id: `push/immutable-${name}`,
    weight: 'should',
    seenIn: name,
    source: textFor(name, {
      ecr: 'https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html',
      harbor:
        'https://goharbor.io/docs/latest/working-with-projects/working-with-images/create-tag-immutability-rules/',
      acr: 'https://learn.microsoft.com/en-us/azure/container-registry/container-registry-image-lock',
      gar: 'https://cloud.google.com/artifact-registry/docs/docker/immutable-tags',
      nexus: 'https://help.sonatype.com/en/docker-registry.html',
      artifactory: 'https://jfrog.com/help/r/jfrog-artifactory-documentation',
    }),
    expected: 'the error says that the tag is immutable, with its digest',
    run: async (stage) => {
      const old = image();
      const { push } = await pushOne(
        stage,
        async (exchange) => {
          if (exchange.kind !== 'manifest' || exchange.method !== 'PUT' || exchange.reference.startsWith('sha256:'))
            return undefined;
          await bodyOf(exchange.incoming);
          return send(exchange.outgoing, status, text, JSON_TYPE);
        },
        {
          args: ['--on-existing-tag', 'overwrite'],
          setUp: (registry, bundle) => registry.put(`m/${bundle.prefix}/team/app`, '1', old),
        },
      );
      stage.fails(await push(), [/immutable/, new RegExp(old.digest.slice(7, 19))], { within: 20 });
    },
  });
}
quirk({
  id: 'push/two-errors-in-one-answer',
  weight: 'should',
  seenIn: 'quay.io, GitLab: the second error says more',
  source: `${DISTRIBUTION}#error-codes`,
  expected: 'the error has both messages',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      refused(
        'start',
        'POST',
        400,
        JSON.stringify({
          errors: [
            { code: 'UNKNOWN', message: 'unknown error' },
            { code: 'DENIED', message: 'quota of the group is used up' },
          ],
        }),
      ),
    );
    stage.fails(await push(), /quota of the group/, { within: 20 });
  },
});
for (const [name, text, type, said] of [
  [
    'json-of-another-shape',
    '{"message":"storage quota exceeded","status":400}',
    'application/json',
    /storage quota exceeded/,
  ],
  [
    'details-list',
    '{"errors":[{"code":"DENIED","message":"","detail":[{"Type":"repository","Action":"push"}]}]}',
    'application/json',
    /push/,
  ],
  [
    'html',
    '<html><body><h1>400 Bad Request: upload blocked by policy 4711</h1></body></html>',
    'text/html',
    /policy 4711/,
  ],
  [
    'xml',
    '<?xml version="1.0"?><Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum allowed size</Message></Error>',
    'application/xml',
    /EntityTooLarge|exceeds the maximum/,
  ],
] as const) {
  quirk({
    id: `push/refusal-${name}`,
    weight: 'should',
    seenIn: textFor(
      name,
      { xml: 'S3', html: 'proxies, WAFs', 'json-of-another-shape': 'Artifactory, Nexus, Gitea' },
      'distribution',
    ),
    source: `${DISTRIBUTION}#error-codes ("MAY return a body in any format")`,
    expected: 'the error has the registry’s text',
    run: async (stage) => {
      const { push } = await pushOne(stage, refused('start', 'POST', 400, text, { 'content-type': type }));
      stage.fails(await push(), said, { within: 20 });
    },
  });
}
quirk({
  id: 'push/zero-size-layer-refused',
  weight: 'should',
  seenIn: 'ECR: an upload without parts cannot be completed (EmptyUploadException)',
  source: 'https://github.com/devcontainers/cli/issues/814, https://github.com/radius-project/radius/issues/7855',
  expected: 'fails soon, and names the image',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      async (exchange) => {
        if (
          exchange.kind !== 'upload' ||
          exchange.method !== 'PUT' ||
          exchange.incoming.headers['content-length'] !== '0'
        )
          return undefined;
        await bodyOf(exchange.incoming);
        return send(
          exchange.outgoing,
          400,
          errors('BLOB_UPLOAD_INVALID', 'The upload cannot be completed because it does not have any parts'),
          JSON_TYPE,
        );
      },
      { items: { 'team/app': image({ layers: [layerOf(), Buffer.alloc(0)] }) } },
    );
    stage.fails(await push(), [/any parts/, /team\/app/], { within: 20 });
  },
});
quirk({
  id: 'push/ecr-needs-media-type-inside',
  weight: 'must',
  seenIn: 'ECR: UNSUPPORTED Invalid JSON syntax for an OCI manifest without mediaType',
  source: 'https://github.com/containers/image/blob/main/docker/docker_image_dest.go (libpod#1719)',
  expected: 'the error names the image and has the registry’s text',
  run: async (stage) => {
    const { push } = await pushOne(
      stage,
      refused(
        'manifest',
        'PUT',
        405,
        errors(
          'UNSUPPORTED',
          'Invalid parameter at ‘ImageManifest’ failed to satisfy constraint: ‘Invalid JSON syntax’',
        ),
      ),
    );
    stage.fails(await push(), [/Invalid JSON syntax/, /team\/app/], { within: 20 });
  },
});
