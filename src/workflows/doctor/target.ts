import { AirgapError, messageOf } from '../../base/errors.ts';
import type { AirgapEvent } from '../../base/events.ts';
import { type EcrHost, ecrHost } from '../../ecr/hosts.ts';
import { type EcrOptions, endpointOf } from '../../ecr/options.ts';
import type { DoctorCheck, DoctorFinding } from '../../inventory/doctor-result.ts';
import type { Repository } from '../../oci/reference.ts';
import { apiHost } from '../../registry/routes.ts';
import { createSession, keychainAuthorizer, type Session } from '../../registry/session.ts';
import { openAccess, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { checkClock, type Skew } from './clock.ts';
import { awsEndpoints, checkEcrRights, checkIdentity } from './ecr.ts';
import { type Endpoint, type Probe, probe } from './endpoint.ts';
import { CHECK_LIMIT, limited, notKnown, ofError } from './finding.ts';
import { type CheckedLogin, checkStoredLogin } from './login.ts';
import { checkProxies } from './proxies.ts';
import { checkRegistryRights, notAsked, probeRepository, referrersFinding, uploadFinding } from './registry-rights.ts';

/** What is checked of a target. */
interface TargetOptions {
  readonly target: { readonly registry: string; readonly prefix: string };
  readonly access: RegistryAccess;
  readonly tryUpload: boolean;
}

/**
 * Checks the way to the target, the login, and the rights.
 * @param earlier findings about settings of this host, which are not repeated
 */
export async function checkTarget(
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
  let check: DoctorCheck = 'endpoint';
  try {
    const plainHttp = [...access.plainHttp, ...plainApis({ env: context.env, ...access })];
    const quick = { ...access, plainHttp, isQuick: true, isPushTarget: true, helperTimeout: HELPER_TIMEOUT };
    check = 'certificates';
    opened = openAccess({ ...context, emit, signal }, quick, signal);
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    const { findings } = await checkProxies(context.env, []);
    const known = [...earlier, ...findings].some(({ message }) => message === error.message);
    return [...findings, ...(known ? [] : [ofError(check, error)]), ...notAsked('the settings above are wrong')];
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

/** Returns the hosts of APIs of AWS whose URL in a flag or variable has no TLS, which is enough for the SDK. */
function plainApis(options: EcrOptions): string[] {
  return (['ECR', 'STS'] as const).flatMap((service) => {
    const url = endpointOf(options, service);
    return url?.startsWith('http:') && URL.canParse(url) ? [new URL(url).host] : [];
  });
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

  const isReachable = registryProbe?.isReachable ?? false;
  const isApiReachable = host === undefined || (apiProbe?.isReachable ?? false);
  const unasked = `${isReachable ? 'the ECR API' : registry} could not be asked`;
  const sts = stsProbe?.isReachable ? undefined : stsProbe?.finding;
  const session = createSession(transport, keychainAuthorizer(transport, keychain), { isPushTarget: true });
  const repository = { registry, path: prefix };
  let login: CheckedLogin | undefined;
  const [identity, loginFindings] = await Promise.all([
    host === undefined
      ? []
      : limited('aws-credentials', outer, (signal) => checkIdentity(host, { ...ecr, signal }, sts)),
    !isReachable || !isApiReachable
      ? [notKnown('login', `not looked up, because ${unasked}`, { name: registry })]
      : limited(
          'login',
          outer,
          async (signal) => {
            login = await checkStoredLogin(session, keychain, repository, signal);
            return [login.finding];
          },
          registry,
        ),
  ]);
  const warned = [...new Set(warnings)].map((message) => notKnown('login', message, { name: registry }));
  const before = [...network, ...identity, ...loginFindings, ...warned];
  const isAccepted = login?.isAccepted ?? false;
  if (host !== undefined) {
    if (!isApiReachable) return [...before, ...notAsked(unasked)];
    if (identity.some(({ check, status }) => check === 'aws-credentials' && status === 'bad'))
      return [...before, ...notAsked('no AWS credentials can be used')];
    const usable = isAccepted ? session : undefined;
    const rights = await limited('push', outer, (signal) =>
      ecrFindings(host, repository, { ...ecr, signal }, usable, tryUpload),
    );
    return [...before, ...rights];
  }
  if (!isAccepted) return [...before, ...notAsked(isReachable ? 'the login was not accepted' : unasked)];
  return [...before, ...(await limited('push', outer, () => checkRegistryRights(session, repository, { tryUpload })))];
}

/** @param session with a login that the registry accepts, for what only the registry itself tells */
async function ecrFindings(
  host: EcrHost,
  target: Repository,
  ecr: EcrOptions,
  session: Session | undefined,
  tryUpload: boolean,
): Promise<readonly DoctorFinding[]> {
  const { findings, existing } = await checkEcrRights(host, target.path, probeRepository(target).path, ecr);
  if (session === undefined || existing === undefined) return findings;
  const repository = { registry: target.registry, path: existing };
  return [
    ...findings,
    ...(tryUpload ? [await uploadFinding(session, repository)] : []),
    await referrersFinding(session, repository),
  ];
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
  const name = `${endpoint.name} ${endpoint.url.host}`;
  const [finding] = await limited(
    'endpoint',
    outer,
    async (signal) => {
      found = await probe(endpoint, { ...settings, signal });
      return [found.finding];
    },
    name,
  );
  return found ?? { finding: finding as DoctorFinding, isReachable: false };
}
