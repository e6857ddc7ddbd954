import type { Environment } from '../base/environment.ts';

/**
 * Scope of the user's environment that a run of Helm receives: `nothing` for a render, `web` for proxies and
 * certificates, `registry` adds credential helpers, `plugin` adds settings of plugins that fetch charts and values.
 */
export type EnvironmentScope = 'nothing' | 'web' | 'registry' | 'plugin';

/**
 * Patterns of variables by scope; each scope includes those before it. Listed in docs/environment.md.
 * `nothing` contains no credentials or tokens, since templates might read its variables.
 */
const VARIABLES_BY_SCOPE: readonly (readonly [EnvironmentScope, RegExp])[] = [
  [
    'nothing',
    /^(?:PATH|HOME|TMPDIR|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|KUBECONFIG|XDG_(?:CACHE|CONFIG|DATA)_HOME|GO(?:GC|MEMLIMIT|MAXPROCS|DEBUG)|ASDF_(?:DIR|DATA_DIR)|MISE_DATA_DIR)$/,
  ],
  // Helm's own settings (`helm env`), except the token of the cluster.
  [
    'nothing',
    /^HELM_(?:BIN|BURST_LIMIT|QPS|(?:CACHE|CONFIG|DATA)_HOME|CONTENT_CACHE|DEBUG|NAMESPACE|KUBECONTEXT|PLUGINS|NO_PLUGINS|REGISTRY_CONFIG|REPOSITORY_(?:CACHE|CONFIG)|COLOR)$/,
  ],
  ['web', /^(?:(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|NIX_SSL_CERT_FILE)$/i],
  // docker-credential-ecr-login, -gcr, -acr-env, -pass, -secretservice.
  [
    'registry',
    /^(?:DOCKER_CONFIG|REGISTRY_AUTH_FILE|AWS_\w+|GOOGLE_\w+|CLOUDSDK_\w+|AZURE_\w+|GNUPGHOME|GPG_TTY|PASSWORD_STORE_\w+|DBUS_SESSION_BUS_ADDRESS|XDG_RUNTIME_DIR|DISPLAY|USER|LOGNAME)$/,
  ],
  // helm-s3, helm-gcs, helm-git, helm-secrets.
  [
    'plugin',
    /^(?:HELM_(?!KUBETOKEN$)\w+|GIT_\w+|SSH_\w+|SOPS_\w+|VAULT_\w+|VALS_\w+|GCS_\w+|GCLOUD_\w+|ARM_\w+|SHELL|TERM)$/,
  ],
];

const SCOPES: readonly EnvironmentScope[] = ['nothing', 'web', 'registry', 'plugin'];

/**
 * Returns the variables that a run of Helm receives. `AIRGAP_HELM_ENV` names additional ones, separated by commas, for
 * wrappers around Helm.
 */
export function environmentFor(scope: EnvironmentScope, env: Environment): Record<string, string> {
  const patterns = VARIABLES_BY_SCOPE.filter(
    ([variableScope]) => SCOPES.indexOf(variableScope) <= SCOPES.indexOf(scope),
  ).map(([, pattern]) => pattern);
  const additionalNames = new Set((env.AIRGAP_HELM_ENV ?? '').split(',').map((name) => name.trim()));
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (additionalNames.has(name) || patterns.some((pattern) => pattern.test(name))))
      passed[name] = value;
  }
  return passed;
}

/** Returns the scope needed to fetch a URL. Schemes other than HTTP and OCI belong to plugins. */
export function environmentScopeFor(address: string): EnvironmentScope {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return 'web';
  return scheme === 'oci' ? 'registry' : 'plugin';
}

/** Returns the widest of several scopes; `nothing` for none. */
export function widestScope(scopes: readonly EnvironmentScope[]): EnvironmentScope {
  return SCOPES[Math.max(0, ...scopes.map((scope) => SCOPES.indexOf(scope)))] as EnvironmentScope;
}
