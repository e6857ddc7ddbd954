import { expect, test } from 'vitest';
import { TAG_CLASSES } from '../../../src/inventory/tag-classes.ts';
import { formatReference } from '../../../src/oci/reference.ts';
import { classifyTags } from '../../../src/openshift/classify-tags.ts';
import { type StreamTag, tagKey } from '../../../src/openshift/image-streams.ts';
import { isMoved, isPlatformUpload, sourceOf } from '../../../src/openshift/moved-tags.ts';
import fc from '../../support/property.ts';

const REGISTRY = 'registry.svc:5000';
const isInternal = (registry: string): boolean => registry === REGISTRY;
const DIGESTS = ['1', '2', '3'].map((digit) => `sha256:${digit.repeat(64)}` as const);

const base = {
  ...{ namespace: 'shop', stream: 'web', tag: 'latest', path: 'status.tags[0]', older: [] },
  ...{ isLocal: false, isReference: false, isWithoutStatus: false },
  origin: { source: 'image-streams export', file: 'a.yaml', document: 0 },
};

const namespaces = fc.constantFrom('shop', 'release', 'openshift', 'kube-system');
const name = fc.constantFrom('web', 'api');
const tagName = fc.constantFrom('a', 'b', 'c');
const image = fc.record({
  reference: fc.constantFrom(
    '',
    `${REGISTRY}/shop/web@${DIGESTS[0]}`,
    'quay.io/a/b:1',
    'mirror:5000/a/b:1',
    `10.0.0.1/a/b@${DIGESTS[1]}`,
  ),
  digest: fc.constantFrom(...DIGESTS),
});
const from = fc.oneof(
  fc.record({
    kind: fc.constant('ImageStreamTag'),
    name: fc.constantFrom('a', 'web:a', 'web:b', 'api:c'),
    namespace: namespaces,
  }),
  fc.record({
    kind: fc.constant('ImageStreamImage'),
    name: fc.constantFrom(...DIGESTS.map((digest) => `web@${digest}`)),
    namespace: namespaces,
  }),
  fc.record({ kind: fc.constantFrom('DockerImage', 'Strange'), name: fc.constant('redis:7'), namespace: namespaces }),
);
const anyTag = fc.record(
  {
    ...{ namespace: namespaces, stream: name, tag: tagName, from, current: image },
    ...{ isLocal: fc.boolean(), isReference: fc.boolean(), isWithoutStatus: fc.boolean() },
    failure: fc.constant('no such host'),
    older: fc.array(image, { maxLength: 2 }),
  },
  { requiredKeys: ['namespace', 'stream', 'tag', 'isLocal', 'isReference', 'isWithoutStatus', 'older'] },
);

test('each tag of any streams has one class with a reason, and what has no image is not moved', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyTag, { selector: tagKey as never, maxLength: 12 }), fc.boolean(), (some, all) => {
      const tags = some.map((tag) => ({ ...base, ...tag }) as StreamTag);
      const outputs = new Map([['shop/web:a', { builder: 'BuildConfig shop/web', where: 'b.yaml, document 1' }]]);
      const classified = classifyTags(tags, { isInternal, outputs });
      expect(classified.map(tagKey)).toEqual(tags.map(tagKey));
      for (const tag of classified) {
        expect(TAG_CLASSES).toContain(tag.class);
        expect(tag.why).not.toMatch(/^$|\n|undefined/);
        const moved = isMoved(tag, { includePublic: all, includePlatform: all });
        if (tag.class === 'empty') expect(moved).toBe(false);
        if (all && tag.current !== undefined && tag.class !== 'empty') expect(moved).toBe(true);
        if (moved && !all) expect(['built', 'pushed', 'mirrored']).toContain(tag.class);
        const source = sourceOf(tag, 'route.example');
        if (moved && source !== undefined && tag.class !== 'public' && !tag.isReference) {
          expect(formatReference(source).startsWith(`route.example/${tagKey(tag)}`)).toBe(true);
        }
        if (isPlatformUpload(tag, isInternal)) expect(tag.class).toBe('platform');
      }
    }),
    { numRuns: 300 },
  );
});

test('a chain of 5,000 tags takes no quadratic time or text', () => {
  const tags = Array.from(
    { length: 5000 },
    (_, i): StreamTag => ({
      ...base,
      tag: `t${i}`,
      from: { kind: 'ImageStreamTag', name: `web:t${i + 1}`, namespace: 'shop' },
    }),
  );
  const classified = classifyTags(tags, { isInternal, outputs: new Map() });
  expect(Math.max(...classified.map(({ why }) => why.length))).toBeLessThan(1000);
});

const tagOf = (more: Partial<StreamTag>): StreamTag => ({ ...base, ...more });
const upload = (repository: string, host = REGISTRY) => ({
  reference: `${host}/${repository}@${DIGESTS[0]}`,
  digest: DIGESTS[0] as never,
});
const outside = { reference: `quay.io/a/b@${DIGESTS[1]}`, digest: DIGESTS[1] as never };
const following = (name: string, namespace: string) => ({ kind: 'ImageStreamTag', name, namespace });

test.each<[string, Partial<StreamTag>, string, moved: boolean]>([
  ['pushed over a public tag', { from: following('pub:1', 'shop'), current: upload('shop/web') }, 'pushed', true],
  [
    'pushed over a tag of the platform',
    { from: following('ruby:2', 'openshift'), current: upload('shop/web') },
    'pushed',
    true,
  ],
  [
    'an upload of the platform that is lost',
    { from: following('x:1', 'openshift'), current: upload('openshift/x') },
    'pushed',
    true,
  ],
  ['the same as a public tag', { from: following('pub:1', 'shop'), current: outside }, 'public', false],
  [
    'pushed under an earlier name of the registry',
    { current: upload('shop/web', 'registry.old.example') },
    'pushed',
    true,
  ],
  [
    'imported from a repository of the same name',
    {
      from: { kind: 'DockerImage', name: 'quay.io/shop/web', namespace: 'shop' },
      current: upload('shop/web', 'quay.io'),
    },
    'public',
    false,
  ],
  [
    'a reference without a status',
    { from: { kind: 'DockerImage', name: 'quay.io/a/b:1', namespace: 'shop' }, isReference: true },
    'public',
    false,
  ],
  [
    'a reference to the internal registry',
    { from: { kind: 'DockerImage', name: `${REGISTRY}/shop/api:1`, namespace: 'shop' }, isReference: true },
    'pushed',
    true,
  ],
])('%s', (_, more, expected, moved) => {
  const others = [
    tagOf({
      stream: 'pub',
      tag: '1',
      from: { kind: 'DockerImage', name: 'quay.io/a/b', namespace: 'shop' },
      current: outside,
    }),
    tagOf({ namespace: 'openshift', stream: 'ruby', tag: '2', current: outside }),
  ];
  const [tag] = classifyTags([tagOf(more), ...others], { isInternal, outputs: new Map() });
  if (tag === undefined) throw new Error('no tag');
  expect([tag.class, isMoved(tag, { includePublic: false, includePlatform: false })]).toEqual([expected, moved]);
  expect(isMoved(tag, { includePublic: true, includePlatform: false })).toBe(true);
  const source = sourceOf(tag, 'route.example');
  const own = more.isReference ? `${expected === 'public' ? 'quay.io/a/b' : 'route.example/shop/api'}:1` : undefined;
  expect(source && formatReference(source)).toBe(own ?? `route.example/shop/web:latest@${tag.current?.digest}`);
});

test('an image of a user that was tagged into a namespace of the platform is an upload', () => {
  const from = { kind: 'ImageStreamImage', name: `web@${DIGESTS[0]}`, namespace: 'shop' };
  const shared = tagOf({ namespace: 'openshift', from, current: upload('shop/web') });
  const [tag] = classifyTags([shared], { isInternal, outputs: new Map() });
  expect(tag && isPlatformUpload(tag, isInternal)).toBe(true);
});
