import { expect, test } from 'vitest';
import { CLIENTS, pullScript } from '../../../../evaluation/serve/pulls.ts';
import { digestOf } from '../../../support/digest.ts';

test('each client pulls every image, and trusts only the given authority', () => {
  const image = { repository: 'shared/0', reference: 'v1', digest: digestOf('') };
  const blobs = [`shared/0/blobs/${digestOf('a')}`, `shared/1/blobs/${digestOf('b')}`];
  const pulled = { images: [image, { ...image, repository: 'shared/1' }], blobs };
  for (const client of CLIENTS) {
    const plain = pullScript(client, { host: 'host:1', ca: undefined }, pulled);
    const contents =
      client === 'curl'
        ? blobs.map((path) => `http://host:1/v2/${path}`)
        : ['host:1/shared/0:v1', 'host:1/shared/1:v1'];
    for (const text of contents) expect(plain).toContain(text);
    const secured = pullScript(client, { host: 'host:1', ca: '/trusted/ca.crt' }, pulled);
    expect(secured).toContain('/trusted');
    expect(secured).not.toMatch(/tls-verify=false|plain-http|http:/);
  }
});
