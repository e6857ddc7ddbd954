import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectFirst, type OpenSocket } from '../../../src/http/addresses.ts';
import { CONNECT_TIMEOUT } from '../../../src/http/error-codes.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const end of cleanup.splice(0)) end();
});

async function listening(): Promise<number> {
  const server: Server = createServer((socket) => socket.on('error', () => {}));
  cleanup.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Resolves `dual.test` to these addresses. */
function named(...addresses: string[]): void {
  const real = dns.lookup;
  // Servers resolve their own address.
  vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: object, done: (...all: unknown[]) => void) => {
    if (name !== 'dual.test') return real(name, options, done as never);
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as never);
}

/** Simulates a network. Per address: milliseconds until it connects, or the error code it fails with. */
function network(outcomes: Readonly<Record<string, number | string>>): {
  open: OpenSocket;
  opened: [string, number][];
} {
  const opened: [string, number][] = [];
  const start = performance.now();
  const open: OpenSocket = (address, port) => {
    opened.push([address, performance.now() - start]);
    const socket = new Socket();
    cleanup.push(() => socket.destroy());
    const fate = outcomes[address];
    if (typeof fate === 'string') {
      setImmediate(() => socket.destroy(Object.assign(new Error(fate), { code: fate })));
    } else if (fate !== undefined) {
      setTimeout(() => !socket.destroyed && socket.connect(port, '127.0.0.1'), fate);
    }
    return socket;
  };
  return { open, opened };
}

describe('the addresses of a host', () => {
  it('are limited to 8 pending attempts', async () => {
    const silent = Array.from({ length: 12 }, (_, index) => `10.0.0.${index}`);
    named(...silent);
    const { open, opened } = network({});
    const late = connectFirst({ hostname: 'dual.test', port: 1 }, 3500, open);
    await expect(late).rejects.toMatchObject({ code: CONNECT_TIMEOUT });
    expect(opened.map(([address]) => address)).toEqual(silent.slice(0, 8));
  });

  it('are all tried when the previous ones fail', async () => {
    const refusing = Array.from({ length: 20 }, (_, index) => `10.0.0.${index}`);
    named(...refusing, '10.0.1.1');
    const { open } = network({ ...Object.fromEntries(refusing.map((one) => [one, 'ECONNREFUSED'])), '10.0.1.1': 1 });
    const socket = await connectFirst({ hostname: 'dual.test', port: await listening() }, 3000, open);
    expect(socket.remotePort).toBeGreaterThan(0);
    socket.destroy();
  });

  it.each([
    ['127.0.0.9', '2001:db8::1'],
    ['2001:db8::1', '127.0.0.9'],
  ])('are not abandoned before the timeout: %s, %s', async (...addresses) => {
    named(...addresses);
    const { open } = network({ '127.0.0.9': 600 });
    const socket = await connectFirst({ hostname: 'dual.test', port: await listening() }, 5000, open);
    expect(socket.remotePort).toBeGreaterThan(0);
    socket.destroy();
  });

  it('alternate between families, and the next one is tried immediately after a failure', async () => {
    named('2001:db8::1', '2001:db8::2', '127.0.0.8', '127.0.0.9');
    const { open, opened } = network({ '127.0.0.8': 'ECONNREFUSED', '127.0.0.9': 0 });
    const socket = await connectFirst({ hostname: 'dual.test', port: await listening() }, 5000, open);
    socket.destroy();
    expect(opened.map(([address]) => address)).toEqual(['2001:db8::1', '127.0.0.8', '2001:db8::2', '127.0.0.9']);
    expect(opened[1]?.[1]).toBeGreaterThan(200);
    expect((opened[2]?.[1] ?? 0) - (opened[1]?.[1] ?? 0)).toBeLessThan(150);
  });

  it('close the losing sockets and remove all listeners from the winner', async () => {
    named('2001:db8::1', '127.0.0.9');
    const port = await listening();
    const sockets: Socket[] = [];
    const bare = new Socket();
    cleanup.push(() => bare.destroy());
    const open: OpenSocket = (address) => {
      const socket = address.includes(':') ? new Socket() : connect(port, '127.0.0.1');
      sockets.push(socket);
      return socket;
    };
    const won = await connectFirst({ hostname: 'dual.test', port }, 5000, open);
    cleanup.push(() => won.destroy());
    expect(sockets[0]?.destroyed).toBe(true);
    expect(won.destroyed).toBe(false);
    for (const event of ['error', 'connect', 'end']) {
      expect(won.listenerCount(event)).toBe(bare.listenerCount(event));
    }
  });

  it('are all listed in the error, with the most specific code', async () => {
    named('2001:db8::1', '10.0.0.1', '10.0.0.2');
    const { open } = network({ '2001:db8::1': 'ENETUNREACH', '10.0.0.1': 'ECONNREFUSED' });
    const failed = connectFirst({ hostname: 'dual.test', port: 443 }, 400, open);
    await expect(failed).rejects.toMatchObject({
      code: CONNECT_TIMEOUT,
      triedAddresses: ['2001:db8::1 (ENETUNREACH)', '10.0.0.1 (ECONNREFUSED)', '10.0.0.2 (no response)'],
    });
    vi.restoreAllMocks();
    named('2001:db8::1', '10.0.0.1');
    const refused = connectFirst({ hostname: 'dual.test', port: 443 }, 400, open);
    await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('are resolved within the connect timeout', async () => {
    vi.spyOn(dns, 'lookup').mockImplementation((() => {}) as never);
    const { open } = network({});
    await expect(connectFirst({ hostname: 'dual.test', port: 443 }, 50, open)).rejects.toMatchObject({
      code: 'EAI_AGAIN',
    });
  });
});
