import { AirgapError, messageOf } from '../../base/errors.ts';
import type { AirgapEvent } from '../../base/events.ts';
import { runStep } from '../../base/step.ts';
import { type EcrHost, ecrHost } from '../../ecr/hosts.ts';
import type { DoctorFinding, DoctorResult } from '../../inventory/doctor-result.ts';
import { apiHost } from '../../registry/routes.ts';
import { createSession, keychainAuthorizer } from '../../registry/session.ts';
import { openAccess, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import type { Build } from '../version/version.ts';
import { checkClock, type Skew } from './clock.ts';
import { awsEndpoints, checkEcrRights, checkIdentity } from './ecr.ts';
import { type Endpoint, type Probe, probe } from './endpoint.ts';
import { CHECK_LIMIT, limited, notKnown, ofError } from './finding.ts';
import { type CheckedLogin, checkLogin } from './login.ts';
import { checkProxies } from './proxies.ts';
import { checkRegistryRights, notAsked, probeRepository } from './registry-rights.ts';
import { checkThisHost } from './this-host.ts';
import { checkTrust } from './trust.ts';

export interface DoctorOptions {
  /** This program. */
  readonly build: Build;
  /** Registry and repository prefix; the prefix may be empty. Without it, only this host is checked. */
  readonly target?: { readonly registry: string; readonly prefix: string };
  readonly access: RegistryAccess;
  /** Opens an upload in the target and cancels it. */
  readonly tryUpload: boolean;
}

/**
 * Checks what a push to a target and a pull from it need, without changing anything there. Each check ends after 10 s, and each
 * of the four steps runs its checks at the same time.
 * @throws AirgapError `interrupted`
 */
export async function doctor(context: Context, options: DoctorOptions): Promise<DoctorResult> {
  const { build, target, access } = options;
  const { env, emit, signal } = context;
  const title = target === undefined ? 'checking this host' : `checking this host and ${target.registry}`;
  const checks = await runStep(emit, title, async () => {
    const local = limited('helm', signal, () => checkThisHost(context, build));
    const trust = checkTrust(env, access.caFile);
    if (target === undefined) {
      const { findings } = await checkProxies(env, []);
      return [...(await local), ...trust, ...findings, checkClock([])];
    }
    return [...(await local), ...trust, ...(await checkTarget(context, { ...options, target }, trust))];
  });
  const counted = (status: DoctorFinding['status']): number => checks.filter((one) => one.status === status).length;
  return {
    ...(target && { target: target.prefix === '' ? target.registry : `${target.registry}/${target.prefix}` }),
    counts: { good: counted('good'), bad: counted('bad'), notKnown: counted('not-known') },
    checks,
  };
}

type TargetOptions = DoctorOptions & Required<Pick<DoctorOptions, 'target'>>;

/** Checks the way to the target, the login, and the rights. */
async function checkTarget(
  context: Context,
  options: TargetOptions,
  earlier: readonly DoctorFinding[],
): Promise<readonly DoctorFinding[]> {
  const { access } = options;
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => {
    if (event.type === 'warning') warnings.push(event.message);
    else context.emit(event);
  };
  // Ends requests that outlive their checks, and the waits between attempts.
  const stop = new AbortController();
  const signal = context.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, context.signal]);
  let opened: ReturnType<typeof openAccess>;
  try {
    const quick = { ...access, isQuick: true, isPushTarget: true, helperTimeout: HELPER_TIMEOUT };
    opened = openAccess({ ...context, emit, signal }, quick, signal);
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    const { findings } = await checkProxies(context.env, []);
    const known = [...earlier, ...findings].some(({ message }) => message === error.message);
    return [
      ...findings,
      ...(known ? [] : [ofError('certificates', error)]),
      ...notAsked('the settings above are wrong'),
    ];
  }
  try {
    return await checkOpened(
      context,
      options,
      { ...opened, ecr: { ...opened.ecr, timeout: HELPER_TIMEOUT } },
      warnings,
    );
  } finally {
    stop.abort(new AirgapError('network', 'the checks have ended'));
    await opened.transport.close();
  }
}

/** Milliseconds for a credential helper and for one answer of AWS: less than for the check, so that its message says what is late. */
const HELPER_TIMEOUT = CHECK_LIMIT - 1500;

async function checkOpened(
  context: Context,
  { target, access, tryUpload }: TargetOptions,
  opened: ReturnType<typeof openAccess>,
  warnings: readonly string[],
): Promise<readonly DoctorFinding[]> {
  const { env, signal: outer } = context;
  const { transport, keychain, ecr } = opened;
  const { registry, prefix } = target;
  const host = ecrHost(registry, access.ecrHosts);
  const api = apiHost(registry);
  const root = new URL(`${transport.scheme(api)}://${api}/v2/`);
  const { endpoints, failure } = await endpointsOf(root, host, ecr);
  const {
    findings: proxyFindings,
    resolver,
    dead,
  } = await checkProxies(
    env,
    endpoints.map(({ url }) => url),
  );
  const proxy = resolver ?? (() => undefined);
  const probes = await Promise.all(
    endpoints.map((endpoint) => probeWithin(endpoint, { transport, proxy, deadProxies: dead }, outer)),
  );
  const [registryProbe, apiProbe, , stsProbe] = probes;
  const skews = probes.flatMap(({ skew }, i): Skew[] =>
    skew === undefined ? [] : [{ host: endpoints[i]?.url.host ?? '', skew }],
  );
  const network = [...failure, ...proxyFindings, ...probes.map(({ finding }) => finding), checkClock(skews)];

  const isReachable = registryProbe?.response !== undefined;
  const isApiReachable = host === undefined || apiProbe?.response !== undefined;
  const unasked = `${isReachable ? 'the ECR API' : registry} does not answer`;
  const sts = stsProbe?.response === undefined ? stsProbe?.finding : undefined;
  const authorizer = keychainAuthorizer(transport, keychain);
  let login: CheckedLogin | undefined;
  const [identity, loginFindings] = await Promise.all([
    host === undefined
      ? []
      : limited('aws-credentials', outer, (signal) => checkIdentity(host, { ...ecr, signal }, sts)),
    !isReachable || !isApiReachable
      ? [notKnown('login', `not looked up, because ${unasked}`, { subject: registry })]
      : limited(
          'login',
          outer,
          async (signal) => {
            const asked = {
              registry,
              prefix,
              url: root,
              response: registryProbe.response as NonNullable<Probe['response']>,
            };
            login = await checkLogin(asked, { transport, keychain, authorizer }, signal);
            return [login.finding];
          },
          registry,
        ),
  ]);
  const warned = [...new Set(warnings)].map((message) => notKnown('login', message, { subject: registry }));
  const before = [...network, ...identity, ...loginFindings, ...warned];
  const session = createSession(transport, authorizer, { isPushTarget: true });
  const repository = { registry, path: prefix };
  if (host !== undefined) {
    if (!isApiReachable) return [...before, ...notAsked(unasked)];
    const probePath = probeRepository(repository).path;
    return [
      ...before,
      ...(await limited('push', outer, (signal) => checkEcrRights(host, prefix, probePath, { ...ecr, signal }))),
    ];
  }
  if (login === undefined || !login.isAccepted)
    return [...before, ...notAsked(isReachable ? 'the login was not accepted' : unasked)];
  return [...before, ...(await limited('push', outer, () => checkRegistryRights(session, repository, { tryUpload })))];
}

/** Returns what is asked: the registry first, then the hosts of AWS. */
async function endpointsOf(
  root: URL,
  host: EcrHost | undefined,
  ecr: ReturnType<typeof openAccess>['ecr'],
): Promise<{ readonly endpoints: readonly Endpoint[]; readonly failure: readonly DoctorFinding[] }> {
  if (host === undefined) return { endpoints: [{ name: 'registry', url: root }], failure: [] };
  const registry = { name: 'registry (ecr.dkr)', url: root, vpcEndpoint: `com.amazonaws.${host.region}.ecr.dkr` };
  const { ecrEndpoints } = await import('../../ecr/identity.ts');
  try {
    return { endpoints: [registry, ...awsEndpoints(host, await ecrEndpoints(host, ecr))], failure: [] };
  } catch (error) {
    const known = error instanceof AirgapError ? error : new AirgapError('config', messageOf(error));
    return { endpoints: [registry], failure: [ofError('endpoint', known)] };
  }
}

async function probeWithin(
  endpoint: Endpoint,
  settings: Omit<Parameters<typeof probe>[1], 'signal'>,
  outer: AbortSignal | undefined,
): Promise<Probe> {
  let found: Probe | undefined;
  const subject = `${endpoint.name} ${endpoint.url.host}`;
  const [finding] = await limited(
    'endpoint',
    outer,
    async (signal) => {
      found = await probe(endpoint, { ...settings, signal });
      return [found.finding];
    },
    subject,
  );
  return found ?? { finding: finding as DoctorFinding };
}
