import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Credential, Keychain } from '../auth/keychain.ts';
import { withoutOwnSecrets } from '../base/environment.ts';
import { AirgapError } from '../base/errors.ts';
import type { Emit } from '../base/events.ts';
import { reasonOf } from '../base/file-failure.ts';
import { asMapping, isMapping, type Mapping } from '../base/mapping.ts';
import { registerSecret } from '../base/redact.ts';
import { runProgram } from '../base/run-program.ts';
import { type KubectlContext, kubectl } from '../kubernetes/kubectl.ts';
import { type Cluster, clusterContext } from './cluster-registry.ts';

/** User name for a token: the registry of OpenShift ignores it, but it must not be empty or have a colon. */
const USER = 'openshift';

/** Maximum bytes of a token: those of OpenShift have about 50, those of service accounts 1500. */
const TOKEN_LIMIT = 64 * 1024;

/** Characters of a bearer token (RFC 6750, 2.1). */
const TOKEN = /^[\w.~+/-]+=*$/;

/** Context of a run that reads a login. */
export type ClusterLoginContext = KubectlContext & { readonly emit: Emit };

/**
 * Creates a keychain that logs in to the public route of a cluster's registry with the token of its kubeconfig. It has no
 * credential for other hosts. The kubeconfig is read on first use.
 * @param route host that the cluster itself, or the user, names as its registry
 * @param flag that names the kubeconfig, for messages
 */
export function clusterKeychain(context: ClusterLoginContext, cluster: Cluster, route: string, flag: string): Keychain {
  let credential: Promise<Credential | undefined> | undefined;
  const isRoute = (registry: string): boolean =>
    registry.toLowerCase().replace(/:443$/, '') === route.replace(/:443$/, '');
  return {
    async lookup(registry) {
      if (!isRoute(registry)) return undefined;
      credential ??= readLogin(context, cluster, route, flag);
      return credential;
    },
    forget(registry) {
      if (isRoute(registry)) credential = undefined;
    },
    sources: (registry) => (isRoute(registry) ? [`the kubeconfig of ${flag}`] : []),
  };
}

/** Returns undefined, with a warning, for a kubeconfig without a token. */
async function readLogin(
  context: ClusterLoginContext,
  cluster: Cluster,
  route: string,
  flag: string,
): Promise<Credential | undefined> {
  const asked = clusterContext(context, cluster);
  const question = { what: `the kubeconfig of ${flag}`, instead: `log in to ${route} by another way` };
  const output = await kubectl(asked, cluster, ['config', 'view', '--raw', '--minify', '--output=json'], question);
  const user = userIn(output, question.what);
  const password = await tokenOf(asked, cluster, user, flag);
  if (password !== undefined) {
    registerSecret(password);
    if (!TOKEN.test(password)) {
      throw new AirgapError('config', `${question.what} has a token with characters that no bearer token has`, {
        hint: LOG_IN,
      });
    }
    return {
      ...{ kind: 'basic', username: USER, password },
      ...{ source: `of ${question.what}`, remedy: `log in to the cluster again: ${LOG_IN}` },
    };
  }
  const what = user['client-certificate-data'] || user['client-certificate'] ? 'a client certificate' : 'no token';
  const message = `${question.what} has ${what}, which is no login for a registry, so ${route} gets none from it (${LOG_IN}, or helm airgap login ${route})`;
  context.emit({ type: 'warning', message });
  return undefined;
}

const LOG_IN = 'oc login --token=TOKEN';

/** Returns the only user of the output of `kubectl config view --minify`. The messages of the parser would quote secrets. */
function userIn(json: string, what: string): Mapping {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new AirgapError('cluster', `cannot read ${what}: kubectl printed no JSON`, {
      hint: 'run kubectl config view to see what it prints',
    });
  }
  const { users } = asMapping(value);
  const [entry] = Array.isArray(users) ? users.filter(isMapping) : [];
  return asMapping(entry?.user);
}

async function tokenOf(
  asked: KubectlContext,
  cluster: Cluster,
  { token, tokenFile, exec }: Mapping,
  flag: string,
): Promise<string | undefined> {
  // client-go prefers the file (rest.Config.BearerTokenFile).
  if (typeof tokenFile === 'string' && tokenFile !== '') return readTokenFile(asked, tokenFile, flag);
  if (typeof token === 'string' && token !== '') return token;
  if (!isMapping(exec)) return undefined;
  // kubectl runs the plugin and has no command that prints its token; oc has one.
  const flags = cluster.context === undefined ? [] : [`--context=${cluster.context}`];
  const end = await runProgram('oc', [...flags, 'whoami', '--show-token'], {
    ...{ cwd: asked.cwd, env: withoutOwnSecrets(asked.env), timeout: 120_000, maxBytes: TOKEN_LIMIT },
    ...(asked.signal && { signal: asked.signal }),
  });
  return 'output' in end ? end.output.trim() || undefined : undefined;
}

/** Reads a file that a kubeconfig names; a relative path is one beside the kubeconfig. */
async function readTokenFile({ env, cwd }: KubectlContext, file: string, flag: string): Promise<string> {
  const folder = env.KUBECONFIG === undefined ? cwd : dirname(env.KUBECONFIG);
  const path = resolve(folder, file);
  try {
    // Through links: tokens of service accounts are links to files.
    const { size } = await stat(path);
    if (size > TOKEN_LIMIT)
      throw new AirgapError('config', `${path}, the tokenFile of ${flag}, is too large for a token`);
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('config', `${path}, the tokenFile of ${flag}, cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
