import { describe, expect, it } from 'vitest';
import { formatPath } from '../../../src/influence/leaves.ts';
import { switchesOff, switchesOn } from '../../../src/influence/switches.ts';

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
  it('on are flags that are off and whose key says that they switch something', () => {
    expect(switchesOn(values).map(({ path, value }) => [formatPath(path), value])).toEqual([
      ['metrics.enabled', true],
      ['installCRDs', true],
      ['tags.extras', true],
      ['global.enabled', true],
      ['sub.create', true],
    ]);
  });

  it('off are flags that are on, and what stands in one of the texts; narrow ones first', () => {
    const off = switchesOff(values, ['GF_INSTALL_PLUGINS=clock-panel', 'curl https://x.example/crds/a.yaml']);
    expect(off.map(({ path, value }) => [formatPath(path), value])).toEqual([
      ['crds.full', false],
      ['crds.url', ''],
      ['enabled', false],
      ['plugins', []],
    ]);
  });
});
