import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { AirgapError } from '../base/errors.ts';
import { quoted } from '../base/printable.ts';
import { textBefore } from '../base/text-trim.ts';
import { hostPortOf } from './addresses.ts';

/** Resolves a host name to all its addresses. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

/** Non-public addresses (IANA special-purpose address registries). */
const PRIVATE_NETS = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3'],
  ...['::/96', '64:ff9b:1::/48', 'fc00::/7', 'fe80::/9', 'ff00::/8'],
  // Tunnels to embedded addresses.
  ...['2001::/32', '2002::/16'],
];

let cachedNets: BlockList | undefined;

/** Created on first use: it takes 8 ms, and most charts name no address. */
function privateNets(): BlockList {
  if (cachedNets !== undefined) return cachedNets;
  cachedNets = new BlockList();
  for (const net of PRIVATE_NETS) {
    const [address = '', bits] = net.split('/');
    cachedNets.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return cachedNets;
}

/**
 * Checks an address that comes from a chart: it needs TLS and a public host. If DNS resolution fails, the address is
 * accepted, since Helm may reach the host by a proxy.
 * @param allowedHosts `host:port` values named by the user, which are exempt
 * @throws AirgapError `forbidden`
 */
export async function checkPublicAddress(
  address: string,
  allowedHosts: ReadonlySet<string> = new Set(),
  resolve: ResolveHost = resolveHost,
): Promise<void> {
  const host = hostPortOf(address);
  if (host !== undefined && allowedHosts.has(host)) return;
  if (host === undefined) throw forbidden(address, 'is not a plain https:// or oci:// address', undefined);
  if (/^http:/i.test(address)) throw forbidden(address, 'does not use TLS', host);
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const resolved = isIP(name) > 0 ? [name] : await resolve(name).catch(() => []);
  const privateAddress = resolved.find(isPrivateAddress);
  if (privateAddress !== undefined)
    throw forbidden(address, `resolves to ${privateAddress}, which is not a public address`, host);
}

/** Reports whether an IP address is not public: private, of this host, or reserved. */
export function isPrivateAddress(address: string): boolean {
  const plain = textBefore(address, '%');
  // The NAT64 prefix embeds an IPv4 address.
  const [, high, low] = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(plain) ?? [];
  if (high !== undefined && low !== undefined) {
    const value = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16);
    return isPrivateAddress([24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join('.'));
  }
  return privateNets().check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}

async function resolveHost(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

function forbidden(address: string, problem: string, host: string | undefined): AirgapError {
  return new AirgapError('forbidden', `address ${quoted(address)} from a chart ${problem}`, {
    hint:
      host === undefined
        ? 'download the chart, and specify the folder of its archive with --chart-mirror'
        : `if you trust the chart, allow the host with --allow-chart-host ${host}`,
  });
}
