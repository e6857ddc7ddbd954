import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { Body } from '../../../src/oci/content.ts';
import { drain } from '../../../src/transfer/resumable-read.ts';
import { descriptorOf } from '../../support/descriptor.ts';
import { clientFor } from '../../support/registry-client.ts';
import { type Answer, type ScriptedServer, type Step, startScript } from '../../support/scripted-server.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

const layer = Buffer.from('0123456789');
const blob = descriptorOf(layer);
const BLOB = `GET /v2/a/b/blobs/${blob.digest}`;

async function served(...steps: readonly Step[]): Promise<{ server: ScriptedServer; body: Body }> {
  const server = await startScript(steps);
  cleanup.push(() => server.stop());
  const client = clientFor([server.host]);
  cleanup.push(() => client.close());
  return { server, body: client.blob({ registry: server.host, path: 'a/b' }, blob) };
}

const range = (value: string, body: Uint8Array): Answer => ({
  status: 206,
  headers: { 'content-range': value },
  body,
});
const whole: Step = { expect: BLOB, answer: { body: layer } };
const rangesOf = ({ seen }: ScriptedServer): unknown[] => seen.map(({ headers }) => headers.range);

/** Responses to `bytes=4-` that are neither the range nor a reason to give up. */
const unusual: Readonly<Record<string, Answer>> = {
  '400': { status: 400, body: '<Error/>' },
  '405': { status: 405 },
  '416': { status: 416, headers: { 'content-range': 'bytes */10' } },
  '501': { status: 501 },
  '206 without a range': { status: 206, body: layer.subarray(4) },
  '206 from an earlier offset': range('bytes 2-9/10', layer.subarray(2)),
  '206 from a later offset': range('bytes 5-9/10', layer.subarray(5)),
  '206 of fewer bytes': range('bytes 4-7/10', layer.subarray(4, 8)),
  '206 of several parts': {
    status: 206,
    headers: { 'content-type': 'multipart/byteranges; boundary=x' },
    body: '--x\r\ncontent-range: bytes 4-9/10\r\n\r\n456789\r\n--x--',
  },
  '206 in words': range('from 4 on', layer.subarray(4)),
};

describe('the rest of a blob', () => {
  it.each(Object.entries(unusual))('is read without a range after %s', async (_, answer) => {
    const { server, body } = await served({ expect: BLOB, answer }, whole);
    expect((await buffer(await body.open(4))).toString()).toBe('456789');
    expect(rangesOf(server)).toEqual(['bytes=4-', undefined]);
  });

  it('is requested with a range again when a signed storage URL has expired', async () => {
    const redirect: Answer = { status: 307, headers: { location: '/s3/x?sig=1' } };
    const { server, body } = await served(
      { expect: BLOB, answer: redirect },
      { expect: 'GET /s3/x?sig=1', answer: { status: 403 } },
      { expect: BLOB, answer: redirect },
      { expect: 'GET /s3/x?sig=1', answer: range('bytes 4-9/10', layer.subarray(4)) },
    );
    expect((await buffer(await body.open(4))).toString()).toBe('456789');
    expect(rangesOf(server)).toEqual(['bytes=4-', 'bytes=4-', 'bytes=4-', 'bytes=4-']);
  });

  it('is not requested without a range when the blob does not exist', async () => {
    const { server, body } = await served({ expect: BLOB, answer: { status: 404 } });
    await expect(body.open(4)).rejects.toMatchObject({ code: 'image-not-found' });
    expect(rangesOf(server)).toEqual(['bytes=4-']);
  });

  it('resumes a body that was cut off', async () => {
    const { body } = await served(
      {
        expect: BLOB,
        raw: (response) => {
          response.writeHead(200, { 'content-length': '10' });
          response.write(layer.subarray(0, 6), () => response.socket?.destroy());
        },
      },
      { expect: BLOB, answer: { status: 416 } },
      whole,
    );
    const received: Uint8Array[] = [];
    await drain(
      body,
      0,
      { what: 'x', emit: () => {}, retryDelay: 1 },
      (chunk) => void received.push(Buffer.from(chunk)),
    );
    expect(Buffer.concat(received).toString()).toBe('0123456789');
  });
});

describe('a range of a blob', () => {
  it('is returned as requested', async () => {
    const { server, body } = await served({ expect: BLOB, answer: range('bytes 4-6/10', layer.subarray(4, 7)) });
    expect((await buffer(await body.open(4, undefined, 7))).toString()).toBe('456');
    expect(rangesOf(server)).toEqual(['bytes=4-6']);
  });

  it.each([...Object.entries(unusual), ['200', { body: layer }] as const])(
    'is unsupported when the server returns %s, so that the caller falls back to one connection',
    async (_, answer) => {
      const { body } = await served({ expect: BLOB, answer });
      await expect(body.open(4, undefined, 7)).rejects.toMatchObject({ code: 'unsupported' });
    },
  );
});

describe('a whole blob', () => {
  it.each([
    ['with its range', { 'content-range': 'bytes 0-9/10' }],
    ['without one', {}],
  ])('may come as 206, %s', async (_, headers) => {
    const { body } = await served({ expect: BLOB, answer: { status: 206, headers, body: layer } });
    expect(await buffer(await body.open())).toEqual(layer);
  });

  it('is retried when only a part of it is returned', async () => {
    const { body } = await served({ expect: BLOB, answer: range('bytes 0-4/10', layer.subarray(0, 5)) }, whole);
    expect(await buffer(await body.open())).toEqual(layer);
  });

  it.each([400, 403])('is retried when a signed storage URL returns %s', async (status) => {
    const redirect: Answer = { status: 307, headers: { location: '/s3/x?sig=1' } };
    const { body } = await served(
      { expect: BLOB, answer: redirect },
      { expect: 'GET /s3/x?sig=1', answer: { status, body: '<Error><Code>ExpiredToken</Code></Error>' } },
      { expect: BLOB, answer: redirect },
      { expect: 'GET /s3/x?sig=1', answer: { body: layer } },
    );
    expect(await buffer(await body.open())).toEqual(layer);
  });

  it('is not retried when the registry itself denies access', async () => {
    const { server, body } = await served({ expect: BLOB, answer: { status: 403 } });
    await expect(body.open()).rejects.toMatchObject({ code: 'forbidden' });
    expect(server.seen).toHaveLength(1);
  });

  it('that is a foreign layer is read from its own URL when the registry denies access', async () => {
    const server = await startScript([
      { expect: BLOB, answer: { status: 403 } },
      { expect: 'GET /layer', answer: { body: layer } },
    ]);
    cleanup.push(() => server.stop());
    const client = clientFor([server.host]);
    cleanup.push(() => client.close());
    const foreign = { ...blob, urls: [`http://${server.host}/layer`] };
    const body = client.blob({ registry: server.host, path: 'a/b' }, foreign);
    expect(await buffer(await body.open())).toEqual(layer);
  });
});
