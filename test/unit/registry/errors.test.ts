import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { registryError } from '../../../src/registry/errors.ts';

const answer = (url: string, type: string, body: string) => ({
  status: 400,
  headers: { 'content-type': type },
  url: new URL(url),
  body: Readable.from([Buffer.from(body)]),
});
const request = { what: 'r.example/a:1', registry: 'r.example' };

describe('a 400 to plain HTTP', () => {
  it.each([
    ['text/plain', 'Client sent an HTTP request to an HTTPS server.\n'],
    ['text/html', '<html><center>The plain HTTP request was sent to HTTPS port</center></html>'],
    ['text/html', "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"],
    ['', ''],
  ])('has a hint about TLS: %s %s', async (type, body) => {
    const error = await registryError(answer('http://r.example/v2/', type, body), request);
    expect(error).toMatchObject({ code: 'registry', hint: expect.stringContaining('--plain-http') });
  });

  it.each([
    ['http://r.example/v2/', '{"errors":[{"code":"NAME_INVALID","message":"no"}]}'],
    ['https://r.example/v2/', ''],
  ])('for another reason does not: %s %s', async (url, body) => {
    expect((await registryError(answer(url, 'application/json', body), request)).hint ?? '').not.toContain(
      '--plain-http',
    );
  });
});

describe('an unsupported media type', () => {
  it.each([
    [415, '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}'],
    [400, '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":"unknown media type: x/y"}]}'],
  ])('has a hint: %i', async (status, body) => {
    const refused = { ...answer('https://r.example/v2/', 'application/json', body), status };
    const error = await registryError(refused, { ...request, writes: true });
    expect(error).toMatchObject({ code: 'unsupported', hint: expect.stringMatching(/docker2s2.*--attestations drop/) });
  });

  it('is not assumed without evidence', async () => {
    const body = '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}';
    const error = await registryError(answer('https://r.example/v2/', 'application/json', body), {
      ...request,
      writes: true,
    });
    expect(error).toMatchObject({ code: 'unsupported', hint: undefined });
  });
});

describe('a 400 of nginx with ssl_verify_client', () => {
  it.each([
    ['No required SSL certificate was sent', true],
    ['The SSL certificate error', false],
  ])('has a hint about the client certificate: %s', async (words, isMissing) => {
    const page = `<html><head><title>400 ${words}</title></head></html>`;
    const error = await registryError(answer('https://r.example/v2/', 'text/html', page), request);
    expect(error).toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('client certificate'),
      hint: expect.stringContaining('--client-cert r.example='),
    });
    // Only the hint for a missing certificate mentions the key.
    expect(error.hint?.includes('--client-key')).toBe(isMissing);
  });
});
