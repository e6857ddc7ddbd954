import { dockerCredentialsFile, helmCredentialsFile, userEnvironment } from '../../auth/credential-files.ts';
import type { Keychain } from '../../auth/keychain.ts';
import { type StoredLogin, storeLogin } from '../../auth/store-login.ts';
import { runStep } from '../../base/step.ts';
import { type EcrKind, ecrKind } from '../../ecr/hosts.ts';
import { type NewPullSecret, pullSecretManifest } from '../../kubernetes/pull-secret-manifest.ts';
import { checkLogin, type LoginCheck } from '../../registry/check-login.ts';
import { createSession, keychainAuthorizer } from '../../registry/session.ts';
import { openAccess, type RegistryAccess } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { type FoundLogin, findLogin, type GivenLogin } from './find-login.ts';

/** The registry of a login, and the access to it. */
export interface LoginTarget {
  /** Host with an optional port; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly access: RegistryAccess;
  /** User and password. Default: a token of ECR. */
  readonly given?: GivenLogin;
}

/** Programs whose credentials file gets a login. */
type LoginProgram = 'helm' | 'docker';

export interface LoginOptions extends LoginTarget {
  /** Default: both. Podman, Skopeo and others read Docker's file. */
  readonly only?: LoginProgram;
}

/** A login that was tried at its registry. */
export interface TriedLogin {
  readonly registry: string;
  readonly username: string;
  /** True if the registry asked for the login and accepted it; false if it answers without one. */
  readonly checked: boolean;
  /** When it ends, in ISO 8601; undefined if that is not known. */
  readonly expires?: string;
}

/** Result of a login. */
export interface LoginResult extends TriedLogin {
  readonly stored: readonly StoredLogin[];
}

/**
 * Tries a login at its registry, and stores it in the credentials files of Helm and Docker.
 * @throws AirgapError `unauthorized` if the registry rejects it, or there is none; `config`, `file` if it cannot be stored
 */
export async function login(context: Context, options: LoginOptions): Promise<LoginResult> {
  const { found, tried } = await tryLogin(context, options, false);
  const user = userEnvironment(context.env);
  const files = [
    ...(options.only === 'docker' ? [] : [helmCredentialsFile(user)]),
    ...(options.only === 'helm' ? [] : [dockerCredentialsFile(user)]),
  ];
  const { username, password } = found.credential;
  const stored = await storeLogin(user, files, { registry: options.registry, username, password });
  return { ...tried, stored };
}

export interface PullSecretOptions extends LoginTarget, Pick<NewPullSecret, 'name' | 'namespace'> {}

/** A pull secret that the registry accepted. */
export interface PrintedSecret extends TriedLogin {
  /** YAML; secret. */
  readonly manifest: string;
  /** What to know about the login of a Secret, if it ends by itself. */
  readonly notes: readonly string[];
}

/**
 * Tries a login at its registry, and returns it as the manifest of a pull secret. Without a given one, it is the login that a
 * push would use. Nothing is stored.
 * @throws AirgapError as {@link login}
 */
export async function pullSecret(context: Context, options: PullSecretOptions): Promise<PrintedSecret> {
  const { found, tried } = await tryLogin(context, options, true);
  const { name, namespace, registry, access } = options;
  const { username, password } = found.credential;
  const kind = ecrKind(registry, access.ecrHosts);
  const notes = kind === undefined ? [] : expiryNotes(tried, kind);
  return { ...tried, manifest: pullSecretManifest({ name, namespace, registry, username, password }, notes), notes };
}

/** Says how long a Secret with a token of ECR is of use, and what to use instead (documentation of Kubernetes and of ECR). */
function expiryNotes({ registry, expires }: TriedLogin, kind: EcrKind): string[] {
  const until = expires === undefined ? '' : `: this one until ${expires}`;
  const lifetime = `a token of ${registry} is valid for 12 hours${until}`;
  if (kind === 'public') return [lifetime, 'nodes can pull from there without a Secret, at a lower rate'];
  return [
    lifetime,
    "nodes that pull for longer use the kubelet's ecr-credential-provider with a role instead of a Secret",
    'the role needs the policy AmazonEC2ContainerRegistryPullOnly; nodes of EKS have the provider',
  ];
}

/** @param usesStored true to use a stored login if none is given */
async function tryLogin(
  context: Context,
  { registry, access, given }: LoginTarget,
  usesStored: boolean,
): Promise<{ readonly found: FoundLogin; readonly tried: TriedLogin }> {
  const { transport, keychain, ecr } = openAccess(context, { ...access, isQuick: true });
  try {
    const found = await findLogin(registry, { given, ecr, keychain: usesStored ? keychain : undefined });
    const { credential, expiresAt } = found;
    const only: Keychain = { lookup: async (host) => (host === registry ? credential : undefined) };
    const session = createSession(transport, keychainAuthorizer(transport, only), context);
    const result: LoginCheck = await runStep(context.emit, `logging in to ${registry}`, () =>
      checkLogin(session, { registry, path: '' }, { unasked: credential, signal: context.signal }),
    );
    const expires = expiresAt === undefined ? undefined : new Date(expiresAt).toISOString();
    const tried = { registry, username: credential.username, checked: result === 'accepted', expires };
    return { found, tried };
  } finally {
    await transport.close();
  }
}
