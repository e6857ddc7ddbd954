import { expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { NetworkNeed } from '../../../../src/discovery/network/index.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import {
  noteEquivalents,
  reportForeignLayers,
  reportIncompleteReferrers,
  warnLeftOutReferrers,
  warnTagsAndNetwork,
} from '../../../../src/workflows/bundle/bundle-warnings.ts';

it('notes which images were read from Public ECR, if any could be', () => {
  const events: AirgapEvent[] = [];
  const emit = (event: AirgapEvent): void => void events.push(event);
  noteEquivalents(emit, { used: [], different: [], absent: [] });
  expect(events).toEqual([]);
  noteEquivalents(emit, { used: ['a:1', 'b:1'], different: ['c:1'], absent: ['d:1', 'e:1', 'f:1', 'g:1'] });
  expect(events).toMatchObject([{ type: 'note', message: expect.stringMatching(/2 of 7 images.*c:1.*d:1, e:1, f:1/) }]);
});

function warnings(network: readonly NetworkNeed[], references: readonly string[]): string[] {
  const events: AirgapEvent[] = [];
  warnTagsAndNetwork((event) => events.push(event), network, references);
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}

it('warns of tags that move, and of no others', () => {
  const [message, ...more] = warnings(
    [],
    [
      'docker.io/library/busybox:latest',
      'quay.io/a/b:v1.2.3',
      'quay.io/a/c:main',
      `quay.io/a/d:latest@sha256:${'0'.repeat(64)}`,
    ],
  );
  expect(message).toMatch(/docker\.io\/library\/busybox:latest, quay\.io\/a\/c:main$/);
  expect(more).toEqual([]);
});

it('warns once of internet access of workloads', () => {
  const network = ['a', 'b', 'c', 'd'].map(
    (name): NetworkNeed => ({
      url: `https://x.example/${name}`,
      kind: 'download',
      found: [],
    }),
  );
  const [message, ...more] = warnings(network, []);
  expect(message).toMatch(/x\.example\/a, .*\/b, .*\/c and 1 more/);
  expect(more).toEqual([]);
});

it('emits no unnecessary warnings', () => {
  expect(warnings([], ['quay.io/a/b:1'])).toEqual([]);
});

it('reports the hosts of foreign layers only', () => {
  const digest = (hex: string): Digest => `sha256:${hex.repeat(64)}`;
  const layer = (hex: string, urls?: readonly string[]) => {
    const descriptor = { mediaType: 'x', digest: digest(hex), size: 1, ...(urls && { urls }) };
    return [digest(hex), { descriptor, repositories: [] }] as const;
  };
  const events: AirgapEvent[] = [];
  reportForeignLayers((event) => events.push(event), { blobs: new Map([layer('a'), layer('b', [])]) });
  expect(events).toEqual([]);
  const blobs = new Map([layer('a', ['https://b.example/1', 'nonsense', 'https://a.example/1']), layer('b')]);
  reportForeignLayers((event) => events.push(event), { blobs });
  expect(events).toEqual([
    { type: 'note', message: expect.stringMatching(/^1 foreign layer:.*a\.example, b\.example,/) },
  ]);
});

it('warns once of all indexes whose signatures are left out', () => {
  const subject: Digest = `sha256:${'a'.repeat(64)}`;
  const repository = { registry: 'quay.io', path: 'a' };
  const one = { repository, subject, descriptor: { mediaType: 'x', digest: subject, size: 1 }, artifactType: '' };
  const events: AirgapEvent[] = [];
  warnLeftOutReferrers((event) => events.push(event), []);
  warnLeftOutReferrers((event) => events.push(event), [one, { ...one, tag: 'x.sig' }]);
  expect(events).toEqual([{ type: 'warning', message: expect.stringMatching(`1 index .*quay.io/a@${subject}`) }]);
});

it('warns of each registry with incomplete referrers, or fails if they are required', () => {
  const unanswered = ['a.example', 'b.example'].map((registry) => ({
    registry,
    images: [`${registry}/x:1`, `${registry}/y:1`],
    error: new AirgapError('registry', `${registry}/x: answers 500`),
  }));
  const events: AirgapEvent[] = [];
  const emit = (event: AirgapEvent): void => void events.push(event);
  expect(reportIncompleteReferrers(emit, unanswered, false)).toEqual({
    unanswered: unanswered.map(({ registry, images, error }) => ({ registry, images, reason: error.message })),
  });
  expect(events).toEqual(
    ['a.example', 'b.example'].map((registry) => ({
      type: 'warning',
      message: expect.stringMatching(`2 images in ${registry}.*${registry}/x:1, ${registry}/y:1.*--require-referrers`),
    })),
  );
  expect(() => reportIncompleteReferrers(emit, unanswered, true)).toThrow(
    expect.objectContaining({ code: 'several', exitCode: 1, causes: [expect.anything(), expect.anything()] }),
  );
  expect(() => reportIncompleteReferrers(emit, unanswered.slice(1), true)).toThrow(
    expect.objectContaining({ code: 'registry', message: expect.stringContaining('b.example/y:1') }),
  );
  expect(reportIncompleteReferrers(emit, [], true)).toEqual({});
  expect(events).toHaveLength(2);
});
