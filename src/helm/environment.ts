/** Process environment, handed in from the edge. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What a run of Helm has to reach, and so what it gets of the user's environment: nothing for a render, the way to web
 * servers, credential helpers of registries besides, or whatever plugins that fetch charts and values are told by.
 */
export type Reach = 'nothing' | 'web' | 'registry' | 'plugin';

/**
 * Patterns of variables by what needs them; each reach has those before it as well. docs/limits.md lists them.
 * What a template could ever get hold of is in none of the first: no credentials, no tokens.
 */
const PASSED: readonly (readonly [Reach, RegExp])[] = [
  [
    'nothing',
    /^(?:PATH|HOME|TMPDIR|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|KUBECONFIG|XDG_(?:CACHE|CONFIG|DATA)_HOME|GO(?:GC|MEMLIMIT|MAXPROCS|DEBUG)|ASDF_(?:DIR|DATA_DIR)|MISE_DATA_DIR)$/,
  ],
  // Helm's own settings (`helm env`), without the token of a cluster.
  [
    'nothing',
    /^HELM_(?:BIN|BURST_LIMIT|QPS|(?:CACHE|CONFIG|DATA)_HOME|CONTENT_CACHE|DEBUG|NAMESPACE|KUBECONTEXT|PLUGINS|NO_PLUGINS|REGISTRY_CONFIG|REPOSITORY_(?:CACHE|CONFIG)|COLOR)$/,
  ],
  ['web', /^(?:(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|NIX_SSL_CERT_FILE)$/i],
  // docker-credential-ecr-login, -gcr, -acr-env, -pass, -secretservice and the like.
  [
    'registry',
    /^(?:DOCKER_CONFIG|REGISTRY_AUTH_FILE|AWS_\w+|GOOGLE_\w+|CLOUDSDK_\w+|AZURE_\w+|GNUPGHOME|GPG_TTY|PASSWORD_STORE_\w+|DBUS_SESSION_BUS_ADDRESS|XDG_RUNTIME_DIR|DISPLAY|USER|LOGNAME)$/,
  ],
  // helm-s3, helm-gcs, helm-git, helm-secrets and the like.
  [
    'plugin',
    /^(?:HELM_(?!KUBETOKEN$)\w+|GIT_\w+|SSH_\w+|SOPS_\w+|VAULT_\w+|VALS_\w+|GCS_\w+|GCLOUD_\w+|ARM_\w+|SHELL|TERM)$/,
  ],
];

const ORDER: readonly Reach[] = ['nothing', 'web', 'registry', 'plugin'];

/**
 * The variables that a run of Helm gets. `AIRGAP_HELM_ENV` names further ones, separated by commas, for a Helm that is
 * wrapped in a program of somebody's own.
 */
export function environmentFor(reach: Reach, env: Environment): Record<string, string> {
  const wanted = PASSED.filter(([needs]) => ORDER.indexOf(needs) <= ORDER.indexOf(reach)).map(([, pattern]) => pattern);
  const named = new Set((env.AIRGAP_HELM_ENV ?? '').split(',').map((name) => name.trim()));
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (named.has(name) || wanted.some((pattern) => pattern.test(name)))) passed[name] = value;
  }
  return passed;
}

/** What is needed to fetch something by its address: other schemes than these are for plugins. */
export function reachOf(address: string): Reach {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return 'web';
  return scheme === 'oci' ? 'registry' : 'plugin';
}

/** The widest of several; nothing of none. */
export function widest(reaches: readonly Reach[]): Reach {
  return ORDER[Math.max(0, ...reaches.map((reach) => ORDER.indexOf(reach)))] as Reach;
}
