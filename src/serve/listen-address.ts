import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import { AirgapError } from '../base/errors.ts';
import { isName } from '../base/names.ts';

/** Host and port to listen on. */
export interface ListenAddress {
  /** As given, IPv6 without brackets. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

const HINT = 'write ADDRESS:PORT, as in 127.0.0.1:5000, 0.0.0.0:5000 for all addresses, or [::1]:5000';

/** Parses `--listen`. @throws AirgapError `usage` */
export function parseListenAddress(text: string): ListenAddress {
  const colon = text.lastIndexOf(':');
  const [host, port] = [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  const bare = isBracketed ? host.slice(1, -1) : host;
  const isHost = isBracketed ? isIPv6(bare) : isName('registry', host) && !host.includes(':');
  if (isHost && /^\d{1,5}$/.test(port) && Number(port) <= 65_535) return { host: bare, port: Number(port) };
  throw new AirgapError('usage', `--listen ${text} is not an address with a port`, { hint: HINT });
}

/** Formats an address as it is in URLs and references. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Returns the IP address of a host of this machine. @throws AirgapError `listen` */
export async function resolveHost(host: string): Promise<{ readonly address: string; readonly isLoopback: boolean }> {
  const { address, family } = await lookup(host).catch((cause: unknown) => {
    throw new AirgapError('listen', `${host} is not a known host`, { hint: HINT, cause });
  });
  return { address, isLoopback: loopback.check(address, family === 6 ? 'ipv6' : 'ipv4') };
}
