import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { checkImages } from '../../../evaluation/registry.ts';
import { digestOf } from '../../support/digest.ts';
import { buildImage } from '../../support/images.ts';

const image = buildImage({ name: 'shop' });
const [manifest] = image.manifests;
const [blob = '', bytes = Buffer.alloc(0)] = [...image.blobs][0] ?? [];
const expected = { repository: 'shop', reference: '1', digest: image.digest };

/** Serves the image from a table of contents, which a test changes. */
async function serve(change: (content: Map<string, Buffer>) => void): Promise<string> {
  const content = new Map([...image.blobs].map(([digest, blob]) => [`blobs/${digest}`, blob]));
  for (const { digest, bytes } of image.manifests) content.set(`manifests/${digest}`, bytes);
  content.set('manifests/1', image.manifests.at(-1)?.bytes ?? Buffer.alloc(0));
  change(content);
  const server = createServer(({ url = '' }, answer) => {
    const found = content.get(url.replace('/v2/shop/', ''));
    answer.writeHead(found === undefined ? 404 : 200, { 'content-length': found?.length ?? 0 }).end(found);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each(['content', 'size'] as const)('a complete image is right, judged by %s', async (blobs) => {
  expect(await checkImages(await serve(() => {}), [expected], blobs)).toEqual([]);
});

test.each([
  ['the tag', (content: Map<string, Buffer>) => content.delete('manifests/1'), 'manifests/1'],
  ['a manifest', (content: Map<string, Buffer>) => content.delete(`manifests/${manifest?.digest}`), manifest?.digest],
  ['a blob', (content: Map<string, Buffer>) => content.delete(`blobs/${blob}`), blob],
])('%s that is missing is reported', async (_, change, name = '') => {
  for (const blobs of ['content', 'size'] as const) {
    const wrong = await checkImages(await serve(change), [expected], blobs);
    expect(wrong.join()).toMatch(new RegExp(`${name}.*\\(404\\)`));
  }
});

test('a blob with other bytes is found by its content, one with another size in both ways', async () => {
  const other = Buffer.from(bytes);
  other[0] = (other[0] ?? 0) ^ 1;
  const spoilt = await serve((content) => content.set(`blobs/${blob}`, other));
  // Each platform's manifest has the blob's check.
  expect((await checkImages(spoilt, [expected], 'content')).join()).toContain(`other content for ${blob}`);
  expect(await checkImages(spoilt, [expected], 'size')).toEqual([]);
  const cut = await serve((content) => content.set(`blobs/${blob}`, bytes.subarray(1)));
  expect((await checkImages(cut, [expected], 'size')).join()).toContain(blob);
  expect((await checkImages(cut, [expected], 'content')).join()).toContain(blob);
});

test('a tag of another image is reported', async () => {
  const host = await serve((content) => content.set('manifests/1', Buffer.from('{}')));
  expect(await checkImages(host, [expected], 'size')).toEqual([`shop:1 is ${digestOf('{}')}, not ${image.digest}`]);
});

test('a referrer must be listed under the tag of its subject', async () => {
  const subject = { digest: image.digest, size: 1 };
  const referrer = Buffer.from(JSON.stringify({ subject }));
  const reference = digestOf(referrer);
  const serveWith = (listed: readonly object[]): Promise<string> =>
    serve((content) => {
      content.set(`manifests/${reference}`, referrer);
      content.set(`manifests/${image.digest.replace(':', '-')}`, Buffer.from(JSON.stringify({ manifests: listed })));
    });
  const check = async (listed: readonly object[]): Promise<string[]> =>
    checkImages(await serveWith(listed), [{ repository: 'shop', reference, digest: reference }], 'content');
  expect(await check([{ digest: reference }])).toEqual([]);
  expect(await check([])).toEqual([`shop does not list ${reference}`]);
});
