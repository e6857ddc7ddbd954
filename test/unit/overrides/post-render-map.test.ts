import { describe, expect, it } from 'vitest';
import { formatMap, type PostRenderEntry, parseMap } from '../../../src/overrides/post-render-map.ts';

const placed: PostRenderEntry = {
  template: 'web/templates/a.yaml',
  kind: 'Pod',
  path: 'spec.containers[0].image',
  from: 'busybox:1',
  to: 'ecr.example/m/docker.io/library/busybox:1',
};
const hook: PostRenderEntry = { ...placed, template: 'web/templates/h.yaml', within: 'line 1', hook: true };
const anywhere: PostRenderEntry = {
  template: 'web/templates/a.yaml',
  from: 'quay.io/a:1',
  to: 'ecr.example/m/quay.io/a:1',
};
const content = { chart: 'web', version: '1.0.0', target: 'ecr.example/m' };
const written = formatMap({ ...content, entries: [hook, placed, anywhere] });

describe('the map of a post-renderer', () => {
  it('is read as it was written, in the order of its places whatever order they came in', () => {
    expect(parseMap(written, 'map.json')).toEqual({
      apiVersion: 'airgap/v1',
      kind: 'PostRenderMap',
      ...content,
      entries: [anywhere, placed, hook],
    });
    expect(formatMap({ ...content, entries: [placed, anywhere, hook] })).toBe(written);
  });

  it.each([
    ['no JSON', 'image: x', 'it is no JSON'],
    ['nothing', 'null', 'its kind is not PostRenderMap'],
    ['another document', '{"apiVersion": "airgap/v1", "kind": "Overrides"}', 'its kind is not PostRenderMap'],
    [
      'another version',
      written.replace('airgap/v1', 'airgap/v2'),
      'of version airgap/v2, and this helm airgap reads airgap/v1',
    ],
    ['no version', '{"kind": "PostRenderMap"}', 'of version undefined'],
    [
      'an unknown key',
      written.replace('"hook": true', '"hook": true, "more": 1'),
      'entries.2: Unrecognized key: "more"',
    ],
    ['a place without a kind', written.replace('"kind": "Pod",', ''), 'entries.1: has a path without a kind'],
    ['nothing to write', written.replace('"to": "ecr.example/m/quay.io/a:1"', '"to": ""'), 'entries.0.to:'],
  ])('is refused with a sentence and exit code 2 when it is %s', (_, text, message) => {
    const read = (): unknown => parseMap(text, 'map.json');
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({ code: 'config', exitCode: 2, message: expect.stringMatching(/^map\.json /) }),
    );
  });
});
