import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../src/base/field-path.ts';
import { mayControl, switchesOff, switchesOn } from '../../../src/value-tracing/switches.ts';

const values = {
  enabled: true,
  metrics: { enabled: false, verbose: false, port: 8080 },
  installCRDs: false,
  crds: { full: true, url: 'https://x.example/crds' },
  tags: { extras: false },
  plugins: ['clock-panel', 'unrelated'],
  args: ['--quiet'],
  global: { enabled: false },
  sub: { global: { enabled: false }, create: false },
};

describe('switches', () => {
  it('to enable are disabled flags of components', () => {
    expect(switchesOn(values).map(({ path, value }) => [formatPath(path), value])).toEqual([
      ['metrics.enabled', true],
      ['installCRDs', true],
      ['tags.extras', true],
      ['global.enabled', true],
      ['sub.create', true],
    ]);
  });

  it('to disable are enabled flags, and settings in one of the texts; longer paths first', () => {
    const switches = switchesOff(values, ['GF_INSTALL_PLUGINS=clock-panel', 'curl https://x.example/crds/a.yaml']);
    expect(switches.map(({ path, value }) => [formatPath(path), value])).toEqual([
      ['crds.full', false],
      ['crds.url', ''],
      ['enabled', false],
      ['plugins', []],
    ]);
  });

  it('concern texts with their setting, and flags concern everything', () => {
    const switches = switchesOff(values, ['GF_INSTALL_PLUGINS=clock-panel', 'curl https://x.example/crds/a.yaml']);
    const concerning = (text: string): string[] =>
      switches.filter((candidate) => mayControl(values, candidate, [text])).map(({ path }) => formatPath(path));
    expect(concerning('curl https://x.example/crds/a.yaml')).toEqual(['crds.full', 'crds.url', 'enabled']);
    expect(concerning('install clock-panel')).toEqual(['crds.full', 'enabled', 'plugins']);
    expect(concerning('https://other.example')).toEqual(['crds.full', 'enabled']);
  });
});
