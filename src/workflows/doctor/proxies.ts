import type { Environment } from '../../base/environment.ts';
import { AirgapError } from '../../base/errors.ts';
import { connectFirst } from '../../http/addresses.ts';
import { openSocket } from '../../http/connector.ts';
import { describeFailure } from '../../http/failures.ts';
import { ProxyError, type ProxyResolver, proxyFromEnvironment } from '../../http/proxy.ts';
import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import { bad, good, ofError } from './finding.ts';

/** Milliseconds. */
const TIMEOUT = 5000;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'socks5:': 1080 };

/** The proxies of a run, and what was found about them. */
export interface CheckedProxies {
  readonly findings: readonly DoctorFinding[];
  /** Undefined if the variables cannot be used. */
  readonly resolver: ProxyResolver | undefined;
  /** URLs of proxies that cannot be reached. */
  readonly dead: ReadonlySet<string>;
}

/** Checks the proxy variables, and connects to each proxy that applies to one of the URLs. */
export async function checkProxies(env: Environment, urls: readonly URL[]): Promise<CheckedProxies> {
  let resolver: ProxyResolver;
  try {
    resolver = proxyFromEnvironment(env);
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    return { findings: [ofError('proxy', error)], resolver: undefined, dead: new Set() };
  }
  const direct = urls.filter((url) => resolver(url) === undefined);
  const byProxy = Map.groupBy(
    urls.filter((url) => resolver(url) !== undefined),
    (url) => resolver(url)?.href ?? '',
  );
  const dead = new Set<string>();
  const findings: DoctorFinding[] = direct.length === 0 ? [] : [good('proxy', directText(env, direct))];
  const checked = await Promise.all([...byProxy].map(([href, to]) => checkProxy(new URL(href), to)));
  for (const { finding, proxy, isDead } of checked) {
    findings.push(finding);
    if (isDead) dead.add(proxy.href);
  }
  if (urls.length === 0)
    findings.push(good('proxy', isSet(env) ? 'the proxy variables can be used' : 'no proxy is set'));
  return { findings, resolver, dead };
}

function directText(env: Environment, urls: readonly URL[]): string {
  const hosts = hostsOf(urls);
  return isSet(env)
    ? `none for ${hosts}, which NO_PROXY exempts or no variable concerns`
    : `none is set; ${hosts} directly`;
}

function isSet(env: Environment): boolean {
  return ['HTTPS_PROXY', 'HTTP_PROXY', 'https_proxy', 'http_proxy'].some((name) => env[name]);
}

function hostsOf(urls: readonly URL[]): string {
  return [...new Set(urls.map(({ host }) => host))].join(', ');
}

async function checkProxy(
  proxy: URL,
  urls: readonly URL[],
): Promise<{ readonly finding: DoctorFinding; readonly proxy: URL; readonly isDead: boolean }> {
  const [url] = urls as [URL];
  const name = proxy.host;
  const target = {
    hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: Number(proxy.port) || (DEFAULT_PORTS[proxy.protocol] ?? 80),
  };
  try {
    (await connectFirst(target, TIMEOUT, openSocket)).destroy();
  } catch (cause) {
    const { error } = describeFailure(new ProxyError(proxy, cause), { url, what: 'proxy' });
    return { finding: bad('proxy', error.reason, { name, hint: error.hint }), proxy, isDead: true };
  }
  return {
    finding: good('proxy', `accepts connections, and leads to ${hostsOf(urls)}`, { name }),
    proxy,
    isDead: false,
  };
}
