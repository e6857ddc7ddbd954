import { afterEach, describe, expect, it, vi } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { createTransport, type Transport } from '../../../../src/http/transport.ts';
import { type Endpoint, probe } from '../../../../src/workflows/doctor/endpoint.ts';
import { type ScriptedServer, startScript } from '../../../support/scripted-server.ts';

let server: ScriptedServer | undefined;
let transport: Transport | undefined;
afterEach(async () => {
  await transport?.close();
  await server?.stop();
  [server, transport] = [undefined, undefined];
});

function ask(endpoint: Partial<Endpoint> & Pick<Endpoint, 'url'>, given?: Transport) {
  transport = given ?? createTransport({ plainHttp: ['127.0.0.1'] });
  const context = { transport, proxy: () => undefined, deadProxies: new Set<string>() };
  return probe({ name: 'API', ...endpoint }, { ...context, signal: new AbortController().signal });
}

/** A transport whose connections are not accepted. */
const closed = (): Transport => ({
  ...createTransport(),
  request: async () => {
    throw new AirgapError('network', 'the host did not accept a connection in time');
  },
});

describe('an endpoint', () => {
  it('answers with any status, and tells the time', async () => {
    const date = new Date(Date.now() - 600_000).toUTCString();
    server = await startScript([{ expect: 'GET /v2/', answer: { status: 403, headers: { date }, body: 'no' } }]);
    const { finding, skew = 0, isReachable } = await ask({ url: new URL('/v2/', server.url) });
    expect(finding).toMatchObject({ status: 'good', message: expect.stringMatching(/private address 127\.0\.0\.1/) });
    expect(isReachable).toBe(true);
    expect(Math.round(skew / 60_000)).toBe(-10);
  });

  it('tells no time if a cache has answered', async () => {
    server = await startScript([{ expect: 'GET /', answer: { headers: { age: '10' } } }]);
    expect((await ask({ url: server.url })).skew).toBeUndefined();
  });

  it('does not exist in DNS', async () => {
    const { finding, isReachable } = await ask({ url: new URL('https://registry.invalid/') });
    expect(finding).toMatchObject({ status: 'bad', message: expect.stringMatching(/DNS/) });
    expect(isReachable).toBe(false);
  });

  it.each([
    ['public addresses', { url: new URL('https://52.94.1.1/') }, /create the VPC endpoint com\.amazonaws\.r\.ecr\.api/],
    ['private addresses', { url: new URL('https://10.0.0.5/') }, /security group/],
    ['a gateway endpoint', { url: new URL('https://52.94.1.1/'), isGateway: true }, /route table/],
  ])('that does not answer at %s has a hint for the VPC', async (_, endpoint, hint) => {
    const { finding } = await ask({ vpcEndpoint: 'com.amazonaws.r.ecr.api', ...endpoint }, closed());
    expect(finding).toMatchObject({ status: 'bad', hint: expect.stringMatching(hint) });
  });

  it('that is optional is not bad, and a host outside of AWS has no hint for a VPC', async () => {
    const url = new URL('https://52.94.1.1/');
    expect((await ask({ url, isOptional: true }, closed())).finding.status).toBe('not-known');
    expect((await ask({ url }, closed())).finding.hint ?? '').not.toContain('VPC');
  });

  it('that accepts a connection and stays silent has a hint for the VPC, too', async () => {
    vi.useFakeTimers();
    const silent: Transport = {
      ...createTransport(),
      request: ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
    };
    const endpoint = { url: new URL('https://10.0.0.5/'), vpcEndpoint: 'com.amazonaws.r.sts', isOptional: true };
    const asking = ask(endpoint, silent);
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    expect((await asking).finding).toMatchObject({
      status: 'not-known',
      hint: expect.stringMatching(/security group/),
    });
  });

  it('behind a dead proxy is not asked', async () => {
    const proxy = new URL('http://proxy.example:3128/');
    const context = { transport: closed(), proxy: () => proxy, deadProxies: new Set([proxy.href]) };
    const endpoint = { name: 'API', url: new URL('https://r.example/') };
    const { finding } = await probe(endpoint, { ...context, signal: new AbortController().signal });
    expect(finding.status).toBe('not-known');
  });
});
