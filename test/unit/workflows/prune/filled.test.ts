import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { hasSourceHost } from '../../../../src/workflows/prune/filled.ts';

describe('a path tells that this tool filled it', () => {
  const inMirror = parseTarget('r.example/mirror', 'host-path');

  it.each([
    'mirror/quay.io/team/app',
    'mirror/docker.io/library/nginx',
    'mirror/registry.example-5000/app',
    'mirror/charts/shop',
  ])('by the host or the folder of charts: %s', (path) => {
    expect(hasSourceHost(inMirror, path)).toBe(true);
  });

  it.each([
    'mirror/team/app',
    'mirror/quay.io',
    'quay.io/team/app',
    'mirrored/quay.io/team/app',
    'mirror/v1.2/app',
    'mirror/team-5000/app',
    'mirror/localhost-5000/app',
    'mirror/charts/team/app',
    'mirror/charts',
  ])('but not otherwise: %s', (path) => {
    expect(hasSourceHost(inMirror, path)).toBe(false);
  });

  it('only where the naming puts the host', () => {
    const path = parseTarget('r.example/mirror', 'path');
    expect(hasSourceHost(path, 'mirror/quay.io/team/app')).toBe(false);
    const custom = parseTarget('r.example/mirror', 'from/{host}/{name}');
    expect(hasSourceHost(custom, 'mirror/from/quay.io/app')).toBe(true);
    expect(hasSourceHost(custom, 'mirror/quay.io/app')).toBe(false);
  });

  it('not by a folder of charts that may be of others', () => {
    expect(hasSourceHost(parseTarget('r.example', 'host-path'), 'charts/shop')).toBe(false);
    const given = parseTarget('r.example/mirror', 'host-path', { chartPrefix: 'mirror/charts' });
    expect(hasSourceHost(given, 'mirror/charts/shop')).toBe(false);
  });
});
