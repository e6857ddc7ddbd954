import { describe, expect, it } from 'vitest';
import {
  formatPostRenderMap,
  type PostRenderEntry,
  parsePostRenderMap,
} from '../../../../src/overrides/edits/post-render-map.ts';

const located: PostRenderEntry = {
  template: 'web/templates/a.yaml',
  kind: 'Pod',
  path: 'spec.containers[0].image',
  from: 'busybox:1',
  to: 'ecr.example/m/docker.io/library/busybox:1',
};
const hook: PostRenderEntry = { ...located, template: 'web/templates/h.yaml', within: 'line 1', hook: true };
const anywhere: PostRenderEntry = {
  template: 'web/templates/a.yaml',
  from: 'quay.io/a:1',
  to: 'ecr.example/m/quay.io/a:1',
};
const content = { chart: 'web', version: '1.0.0', target: 'ecr.example/m' };
const written = formatPostRenderMap({ ...content, entries: [hook, located, anywhere] });

describe('a post-render map', () => {
  it('is parsed as written, with entries sorted by location', () => {
    expect(parsePostRenderMap(written, 'map.json')).toEqual({
      apiVersion: 'airgap/v1',
      kind: 'PostRenderMap',
      ...content,
      entries: [anywhere, located, hook],
    });
    expect(formatPostRenderMap({ ...content, entries: [located, anywhere, hook] })).toBe(written);
  });

  it.each([
    ['not JSON', 'image: x', /JSON/],
    ['empty', 'null', /PostRenderMap/],
    ['another document', '{"apiVersion": "airgap/v1", "kind": "Overrides"}', /PostRenderMap/],
    ['of another version', written.replace('airgap/v1', 'airgap/v2'), /airgap\/v2.*airgap\/v1/],
    ['without a version', '{"kind": "PostRenderMap"}', /undefined.*airgap\/v1/],
    ['one with an unknown key', written.replace('"hook": true', '"hook": true, "more": 1'), /entries\.2: .*"more"/],
    ['one with a path but no kind', written.replace('"kind": "Pod",', ''), /entries\.1: .*path.*kind/],
    ['one with an empty text', written.replace('"to": "ecr.example/m/quay.io/a:1"', '"to": ""'), /entries\.0\.to:/],
  ])('is refused with exit code 2 if it is %s', (_, text, fact) => {
    const parse = (): unknown => parsePostRenderMap(text, 'map.json');
    expect(parse).toThrow(fact);
    expect(parse).toThrow(
      expect.objectContaining({ code: 'config', exitCode: 2, message: expect.stringMatching(/^map\.json /) }),
    );
  });
});
