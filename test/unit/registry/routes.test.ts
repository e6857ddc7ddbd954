import { describe, expect, it } from 'vitest';
import { formatRepository, parseReference } from '../../../src/oci/reference.ts';
import { mirrorRoute, parseMirror } from '../../../src/registry/routes.ts';

const mirrors = [
  'quay.io=artifactory.example/quay',
  'quay.io/team=team.example',
  'docker.io=m.example/hub',
  '*=all.example/cache',
].map(parseMirror);
const routedName = (name: string, among = mirrors): string =>
  formatRepository(mirrorRoute(among, parseReference(name)).actual);

describe('a mirror', () => {
  it.each([
    ['quay.io/a/b:1', 'artifactory.example/quay/a/b'],
    ['quay.io/team/x:1', 'team.example/x'],
    ['quay.io/teamwork/x:1', 'artifactory.example/quay/teamwork/x'],
    ['nginx', 'm.example/hub/library/nginx'],
    ['ghcr.io/a/b:1', 'all.example/cache/ghcr.io/a/b'],
    ['localhost:5000/a:1', 'all.example/cache/localhost-5000/a'],
  ])('redirects %s to %s', (name, expected) => {
    expect(routedName(name)).toBe(expected);
  });

  it('does not affect other registries', () => {
    expect(routedName('ghcr.io/a/b:1', mirrors.slice(0, 3))).toBe('ghcr.io/a/b');
  });

  it('of Docker Hub applies to all of its host names', () => {
    expect(routedName('nginx', [parseMirror('index.docker.io=m.example/hub')])).toBe('m.example/hub/library/nginx');
  });

  it.each(['quay.io', '=m.example', 'quay.io=', 'https://quay.io=m.example', 'quay=m.example', 'quay.io=UPPER/x'])(
    'rejects %s',
    (text) => {
      expect(() => parseMirror(text)).toThrow(expect.objectContaining({ code: 'usage' }));
    },
  );
});
