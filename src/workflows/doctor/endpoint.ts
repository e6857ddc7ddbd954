import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstOf } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import { isPrivateAddress } from '../../helm/public-address.ts';
import type { HttpResponse } from '../../http/exchange.ts';
import type { ProxyResolver } from '../../http/proxy.ts';
import { discardBody, responseHeader } from '../../http/response-body.ts';
import { readServerCertificate, type ServerCertificate } from '../../http/server-certificate.ts';
import type { Transport } from '../../http/transport.ts';
import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import { bad, CHECK_LIMIT, good, lateError, notKnown } from './finding.ts';

/** Host that a push or pull needs. */
export interface Endpoint {
  /** Name for people, such as `ECR API (ecr.api)`. */
  readonly name: string;
  readonly url: URL;
  /** True for an API of AWS, which isolated networks reach by a VPC endpoint: `com.amazonaws.REGION.SERVICE`. */
  readonly vpcEndpoint?: string;
  /** True for an endpoint that has public addresses in every network, as a gateway endpoint of S3 has. */
  readonly isGateway?: boolean;
  /** True if it may not be needed, so that it is not bad without it. */
  readonly isOptional?: boolean;
  /** What does not work without it. */
  readonly use?: string;
}

/** Answer of an endpoint to a request without credentials. */
export interface Probe {
  readonly finding: DoctorFinding;
  /** True if there was an answer, whatever it says. */
  readonly isReachable: boolean;
  /** Clock of the server minus the clock of this host, in milliseconds, with a precision of a second. */
  readonly skew?: number;
}

/** Milliseconds for DNS, and for the connection that reads the certificate. */
const TIMEOUT = 4000;
/** Milliseconds for the request: less than for the check, so that its finding says what is missing. */
const ANSWER_LIMIT = CHECK_LIMIT - 2000;
/** Days before the expiry of a certificate from which it is mentioned. */
const SOON = 14;
const MAX_ADDRESSES = 4;

interface ProbeContext {
  readonly transport: Transport;
  readonly proxy: ProxyResolver;
  /** Proxies that cannot be reached, by URL. */
  readonly deadProxies: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** Resolves the name of an endpoint, connects to it and sends one GET. @throws AirgapError `interrupted` */
export async function probe(endpoint: Endpoint, context: ProbeContext): Promise<Probe> {
  const { url } = endpoint;
  const name = `${endpoint.name} ${url.host}`;
  const proxy = context.proxy(url);
  if (proxy !== undefined && context.deadProxies.has(proxy.href)) {
    const message = `not asked, because the proxy ${proxy.host} cannot be reached`;
    const finding = notKnown('endpoint', message, { name, hint: 'repair the proxy settings first' });
    return { finding, isReachable: false };
  }
  // A proxy resolves names itself.
  const addresses = proxy === undefined ? await addressesOf(url) : [];
  if (addresses === undefined) {
    const message = 'the name has no address in DNS';
    return { finding: unreachable(endpoint, name, message, dnsHint(endpoint)), isReachable: false };
  }
  const where = proxy === undefined ? describeAddresses(addresses) : `through the proxy ${proxy.host}`;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(lateError(ANSWER_LIMIT)), ANSWER_LIMIT);
  try {
    const startedAt = Date.now();
    const response = await context.transport.request({
      method: 'GET',
      url,
      what: endpoint.name,
      retry: false,
      signal: AbortSignal.any([late.signal, context.signal]),
    });
    const skew = skewOf(response, startedAt, Date.now());
    await discardBody(response);
    const isDirect = url.protocol === 'https:' && proxy === undefined;
    const certificate = isDirect ? await readServerCertificate(url, TIMEOUT) : undefined;
    const finding = reachable(endpoint, { name, where, addresses, certificate });
    return { finding, isReachable: true, ...(skew !== undefined && { skew }) };
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
    const message = `${error.reason}${proxy === undefined ? ` (${where})` : ''}`;
    const hint = (isNoConnection(error) && proxy === undefined && routeHint(endpoint, addresses)) || error.hint;
    return { finding: unreachable(endpoint, name, message, hint), isReachable: false };
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the addresses of a host; undefined if it has none. */
async function addressesOf(url: URL): Promise<readonly string[] | undefined> {
  const name = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(name) !== 0) return [name];
  const found = await Promise.race([
    lookup(name, { all: true }).catch(() => undefined),
    sleep(TIMEOUT, undefined, { ref: false }),
  ]);
  return found?.map(({ address }) => address);
}

/** Formats `private address 10.0.0.5`, `public addresses A, B`. */
function describeAddresses(addresses: readonly string[]): string {
  const isPrivate = addresses.map(isPrivateAddress);
  const kind = isPrivate.every(Boolean) ? 'private' : isPrivate.some(Boolean) ? 'private and public' : 'public';
  return `${kind} ${addresses.length === 1 ? 'address' : 'addresses'} ${firstOf(addresses, MAX_ADDRESSES)}`;
}

function reachable(
  { url, vpcEndpoint, isGateway }: Endpoint,
  found: {
    readonly name: string;
    readonly where: string;
    readonly addresses: readonly string[];
    readonly certificate: ServerCertificate | undefined;
  },
): DoctorFinding {
  const { name, where, addresses, certificate } = found;
  const protocol = url.protocol === 'http:' ? 'HTTP without TLS' : 'TLS';
  const days = certificate && Math.floor((certificate.expires.getTime() - Date.now()) / 86_400_000);
  const until =
    certificate && `, certificate by ${certificate.issuer} until ${certificate.expires.toISOString().slice(0, 10)}`;
  const isPublic = addresses.length > 0 && !addresses.some(isPrivateAddress);
  const hint =
    days !== undefined && days < SOON
      ? `have the certificate renewed: it expires in ${days} days`
      : vpcEndpoint !== undefined && isPublic && !isGateway
        ? `a subnet without a route to the internet needs the VPC endpoint ${vpcEndpoint} with private DNS`
        : undefined;
  return good('endpoint', `answers by ${protocol}, ${where}${until ?? ''}`, { name, hint });
}

function unreachable(
  { isOptional = false, use }: Endpoint,
  name: string,
  message: string,
  hint: string | undefined,
): DoctorFinding {
  const text = use === undefined ? message : `${message}; needed ${use}`;
  return (isOptional ? notKnown : bad)('endpoint', text, { name, hint });
}

function dnsHint({ vpcEndpoint }: Endpoint): string {
  const general = 'check the name and the DNS server; behind a proxy, set HTTPS_PROXY';
  return vpcEndpoint === undefined ? general : `${general}; in a VPC, enable its DNS resolution (enableDnsSupport)`;
}

/** Reports whether an error is about the way to a host, as opposed to its certificate or its answer. */
function isNoConnection({ code, reason }: AirgapError): boolean {
  return code === 'network' && /cannot be reached|in time|no answer within|refused the connection/.test(reason);
}

/** Says what is missing between an isolated network and an API of AWS. */
function routeHint({ vpcEndpoint, isGateway }: Endpoint, addresses: readonly string[]): string | undefined {
  if (vpcEndpoint === undefined) return undefined;
  if (isGateway) return `create the gateway endpoint ${vpcEndpoint}, and add it to the route table of this subnet`;
  return addresses.some(isPrivateAddress)
    ? `allow port 443 from this host in the security group of the VPC endpoint ${vpcEndpoint}`
    : `create the VPC endpoint ${vpcEndpoint} with private DNS: the name has public addresses, which this network does not reach`;
}

/** Returns the difference of the clocks; undefined without the header, or if a cache has answered. */
function skewOf(response: HttpResponse, startedAt: number, endedAt: number): number | undefined {
  const date = Date.parse(responseHeader(response, 'date') ?? '');
  if (Number.isNaN(date) || responseHeader(response, 'age') !== undefined) return undefined;
  // The header has whole seconds.
  return date + 500 - (startedAt + endedAt) / 2;
}
