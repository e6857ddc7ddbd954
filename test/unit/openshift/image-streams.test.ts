import { describe, expect, test } from 'vitest';
import type { ExportedObject } from '../../../src/openshift/exported-objects.ts';
import { mergeTags, tagKey } from '../../../src/openshift/image-streams.ts';
import { imageStream, pushed } from '../../support/image-streams.ts';

const [first, second] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];

function exported(object: object, file = 'a.yaml'): ExportedObject {
  const { kind, metadata } = object as { kind: string; metadata: { name: string; namespace: string } };
  const origin = { source: 'image-streams export', file, document: 0 };
  return { kind, group: 'image.openshift.io', ...metadata, object: object as ExportedObject['object'], origin };
}

const streamTag = (name: string, digest: string): object => {
  const [namespace, tag] = name.split('/');
  const [dockerImageReference] = pushed('shop/web', digest);
  const image = { metadata: { name: digest }, dockerImageReference };
  return {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStreamTag',
    metadata: { name: tag, namespace },
    tag: null,
    image,
  };
};

test('tags of specification and status, each once, with their images', () => {
  const stream = imageStream('shop/web', {
    both: {
      from: { kind: 'DockerImage', name: 'redis' },
      policy: 'Local',
      images: [pushed('shop/web', second), pushed('shop/web', first)],
    },
    spec: { from: { kind: 'ImageStreamTag', name: 'web:both' } },
    status: { images: [['docker.io/library/redis:8', '']] },
    failed: { failure: 'no such host' },
  });
  const { tags, errors } = mergeTags([exported(stream)]);
  expect(errors).toEqual([]);
  expect(
    tags.map((tag) => [tag.tag, tag.path, tag.isLocal, tag.current?.digest, tag.older.length, tag.failure]),
  ).toEqual([
    ['both', 'status.tags[0]', true, second, 1, undefined],
    ['failed', 'status.tags[2]', false, undefined, 0, 'no such host'],
    ['spec', 'spec.tags[1]', false, undefined, 0, undefined],
    ['status', 'status.tags[1]', false, undefined, 0, undefined],
  ]);
});

test('an ImageStream goes before its ImageStreamTags, whatever their order; a tag without it counts', () => {
  const stream = imageStream('shop/web', { latest: { images: [pushed('shop/web', second)] } });
  const objects = [streamTag('shop/web:latest', first), streamTag('solo/app:2', first), stream, stream].map((one) =>
    exported(one),
  );
  const { tags, errors } = mergeTags(objects);
  expect(errors).toEqual([]);
  expect(tags.map((tag) => [tagKey(tag), tag.current?.digest])).toEqual([
    ['shop/web:latest', second],
    ['solo/app:2', first],
  ]);
});

test.each([undefined, {}, { dockerImageRepository: '' }])('streams whose status is %j are known as such', (status) => {
  const from = { kind: 'DockerImage', name: 'redis' };
  const stripped = { ...imageStream('shop/web', { latest: { from }, '2': { from } }), status };
  const empty = { ...imageStream('shop/api', {}), status };
  const whole = imageStream('shop/new', {});
  const found = mergeTags([stripped, empty, whole, streamTag('shop/web:latest', first)].map((one) => exported(one)));
  expect(found.stripped).toEqual(['shop/web', 'shop/api']);
  expect([...found.streams]).toEqual(['shop/web', 'shop/api', 'shop/new']);
  const digests = found.tags.map((tag) => [tag.tag, tag.isWithoutStatus, tag.current?.digest]);
  expect(digests.sort()).toEqual([
    ['2', true, undefined],
    ['latest', false, first],
  ]);
});

describe('an object that cannot be read is one error', () => {
  const good = imageStream('shop/web', { latest: { images: [pushed('shop/web', first)] } });
  const changed = (from: string | RegExp, to: string): object => JSON.parse(JSON.stringify(good).replace(from, to));
  test.each<[string, object]>([
    ['a tag that is none', changed('"tag":"latest"', '"tag":"la test"')],
    ['a tag that is no text', changed('"tag":"latest"', '"tag":1')],
    ['an image that is no reference', changed(/"image-registry[^"]*@/, '"http://x/y@')],
    ['a namespace that is none', changed('"namespace":"shop"', '"namespace":"../shop"')],
    ['a name that is none', changed('"name":"web"', '"name":"web/..\\u001b"')],
    ['a status that is a list', changed(/"status":\{.*\}/, '"status":[1]}')],
    ['an ImageStreamTag without a tag', streamTag('shop/web', first)],
    ['a long reference', changed(/"image-registry[^"]*"/, `"r.example/${'a'.repeat(3000)}"`)],
  ])('%s', (_, object) => {
    const { tags, errors } = mergeTags([exported(object), exported(imageStream('shop/good', { a: { failure: '' } }))]);
    expect(errors.map(({ code, parts }) => [code, parts.subject])).toEqual([['config', 'export/a.yaml, document 1']]);
    expect(errors[0]?.message).not.toContain('\u001b');
    expect(tags).toHaveLength(1);
  });

  test('and so is a stream in two versions', () => {
    const other = imageStream('shop/web', { latest: { images: [pushed('shop/web', second)] } });
    const { errors } = mergeTags([exported(good), exported(other, 'b.yaml')]);
    expect(errors.map(({ parts }) => parts.subject)).toEqual(['export/b.yaml, document 1']);
  });
});
