import { expect, test } from 'vitest';
import { mirrors } from '../../../../evaluation/speed/mirror-contenders.ts';
import { digestOf } from '../../../support/digest.ts';

test('every contender copies every image, and keeps its repository', () => {
  const image = { repository: 'shared/0', reference: 'v1', digest: digestOf('') };
  const workload = { images: [image, { ...image, repository: 'shared/1' }], digests: new Set<string>(), bytes: 0 };
  const scripts = mirrors('host:1', 'host:2', workload);
  expect(scripts.airgap).toContain('host:1/shared/0:v1 host:1/shared/1:v1');
  const written: Readonly<Record<string, readonly string[]>> = {
    regsync: ['{source: "host:1/shared/1:v1", target: "host:2/shared/1:v1"'],
    'skopeo sync, one': ['    shared/1: [v1]', '/sync.yml" host:2/shared'],
    'skopeo sync, 4': ['host:1/shared/0:v1 host:1/shared/1:v1 | xargs -P 4', '@ host:2/shared'],
    oras: ['shared/0:v1 shared/1:v1 | xargs', 'host:1/@ host:2/@'],
  };
  for (const [name, texts] of Object.entries(written)) {
    const own = Object.keys(scripts).filter((each) => each.startsWith(name));
    expect(own.length).toBeGreaterThan(0);
    for (const each of own) for (const text of texts) expect(scripts[each]).toContain(text);
  }
});
