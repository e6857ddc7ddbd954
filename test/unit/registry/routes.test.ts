import { describe, expect, it } from 'vitest';
import { formatRepository, parseReference } from '../../../src/oci/reference.ts';
import { describeRoute, directRoute, mirrorRoutes, parseMirror } from '../../../src/registry/routes.ts';

const mirrors = [
  'quay.io=artifactory.example/quay',
  'quay.io/team=team.example',
  'docker.io=m.example/hub',
  '*=all.example/cache',
].map(parseMirror);
const routedNames = (name: string, among = mirrors): string[] =>
  mirrorRoutes(among, directRoute(parseReference(name))).map(({ actual }) => formatRepository(actual));
const routedName = (name: string, among = mirrors): string => routedNames(name, among).join();

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

  it.each([
    'quay.io',
    '=m.example',
    'quay.io=',
    'https://quay.io=m.example',
    'quay=m.example',
    'quay.io=UPPER/x',
    'quay.io=*',
  ])('rejects %s', (text) => {
    expect(() => parseMirror(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it.each(['*=*', 'quay.io=quay.io', 'quay.io/a=quay.io/a/'])('may be the registry itself: %s', (text) => {
    const [route, ...others] = mirrorRoutes([parseMirror(text)], directRoute(parseReference('quay.io/a/b:1')));
    expect([others, describeRoute(route, '1')]).toEqual([[], 'quay.io/a/b:1']);
  });

  it('given several times for one registry is a list in order, without duplicates', () => {
    const texts = [
      'quay.io=first.example',
      '*=all.example',
      'quay.io=second.example/q',
      'quay.io=first.example',
      'quay.io=quay.io',
    ];
    const expected = ['first.example/a/b', 'second.example/q/a/b', 'quay.io/a/b'];
    expect(routedNames('quay.io/a/b:1', texts.map(parseMirror))).toEqual(expected);
  });

  it.each(['docker.io=docker.io', 'docker.io=index.docker.io', 'docker.io=registry-1.docker.io'])(
    'may be Docker Hub itself: %s',
    (text) => {
      expect(routedNames('nginx', [parseMirror('docker.io=m.example'), parseMirror(text)])).toEqual([
        'm.example/library/nginx',
        'docker.io/library/nginx',
      ]);
    },
  );
});
