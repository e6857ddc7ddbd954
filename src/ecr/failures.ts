import { AirgapError, messageOf } from '../base/errors.ts';

const CREDENTIALS: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

/** AWS messages for a request with a wrong time. */
const CLOCK = /signature (?:expired|not yet current)|skew|request has expired/i;

/** API of each error. Errors without one come from the credential APIs (STS, SSO), which the SDK calls itself. */
const APIS = new WeakMap<Error, string>();
const CREDENTIALS_API = 'the API for AWS credentials (STS or SSO)';

/** Hints by error code of the service. */
const HINTS: Readonly<Partial<Record<string, string>>> = {
  KmsException: 'use an enabled key of this region that you have access to: docs/aws.md lists the requirements',
  LimitExceededException: 'request a higher quota (Service Quotas, Amazon ECR), or use --naming single-repository',
};

/** Message of the SDK when no source has credentials. */
const NOWHERE = /^Could not load credentials from any providers/;

/** Returns true when the SDK has no credentials: none are configured, or their provider failed. */
export function lacksCredentials(error: unknown): boolean {
  return nameOf(error) === 'CredentialsProviderError';
}

/** Returns true when no credentials are configured at all. */
export function hasNone(error: unknown): boolean {
  return lacksCredentials(error) && NOWHERE.test(messageOf(error));
}

export function isDenied(error: unknown): boolean {
  const name = nameOf(error);
  return name === 'AccessDeniedException' || name === 'AccessDenied';
}

/** Returns true when there was no connection or no response in time. */
export function timedOut(error: unknown): boolean {
  return nameOf(error) === 'TimeoutError';
}

/** Records the API of an error for {@link awsError}: `the ECR API in us-east-1`. */
export function tellApi(error: unknown, api: string): void {
  if (error instanceof Error) APIS.set(error, api);
}

/** Translates an error of the SDK. `what` is the beginning of the message: the operation and the host. */
export function awsError(what: string, cause: unknown): AirgapError {
  if (cause instanceof AirgapError) return cause;
  const said = messageOf(cause).replace(/\s+/g, ' ').slice(0, 400);
  if (lacksCredentials(cause)) {
    const hint = 'set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this host a role';
    if (NOWHERE.test(said))
      return new AirgapError('unauthorized', `${what}: no AWS credentials were found`, { cause, hint });
    return new AirgapError('unauthorized', `${what}: AWS credentials could not be obtained: ${said}`, {
      cause,
      hint: 'list the profiles with: aws configure list-profiles; start an SSO session with: aws sso login',
    });
  }
  const { code, path } = (cause ?? {}) as { readonly code?: unknown; readonly path?: unknown };
  if (typeof path === 'string' && typeof code === 'string') {
    return new AirgapError('unauthorized', `${what}: cannot read the AWS credentials: ${said}`, { cause });
  }
  if (CREDENTIALS.has(nameOf(cause))) {
    return new AirgapError('unauthorized', `${what}: AWS rejected the credentials: ${said}`, {
      cause,
      hint: CLOCK.test(`${nameOf(cause)} ${said}`)
        ? 'correct the clock of this machine: AWS accepts a difference of a few minutes only'
        : 'renew them; show their owner with: aws sts get-caller-identity',
    });
  }
  if (isDenied(cause) && said.includes('sts:AssumeRole')) {
    return new AirgapError('unauthorized', `${what}: the role cannot be assumed: ${said}`, {
      cause,
      hint: 'add the caller to the trust policy of the role, and grant the caller sts:AssumeRole on it',
    });
  }
  if (isDenied(cause)) {
    const hint =
      'grant the permissions listed in docs/aws.md; policies of the organization or of a VPC endpoint can also deny them';
    return new AirgapError('forbidden', `${what}: AWS denied access: ${said}`, { cause, hint });
  }
  const status = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  if (status === undefined || timedOut(cause)) return unreachable(what, cause, said);
  if (nameOf(cause) === 'SyntaxError') {
    const hint = 'a proxy or login portal may have responded instead: check HTTPS_PROXY and --endpoint-url';
    return new AirgapError('registry', `${what}: ${apiOf(cause)} returned ${status} without JSON`, { cause, hint });
  }
  const hint = HINTS[nameOf(cause)];
  const details = { cause, ...(hint === undefined ? {} : { hint }) };
  return new AirgapError('registry', `${what}: ECR returned ${status} (${nameOf(cause)}: ${said})`, details);
}

function unreachable(what: string, cause: unknown, said: string): AirgapError {
  const api = apiOf(cause);
  const problem = timedOut(cause) ? 'does not respond' : `cannot be reached: ${said || nameOf(cause)}`;
  const service = api === CREDENTIALS_API || api.includes('STS') ? 'sts' : 'ecr.api';
  const [, region = 'REGION'] = / in ([a-z]{2,}(?:-[a-z]+)+-\d+)/.exec(api) ?? [];
  const way = `check the region and the network (HTTPS_PROXY, firewalls); an isolated network needs the VPC endpoint com.amazonaws.${region}.${service}`;
  const hint = /certificate/i.test(said)
    ? 'pass the CA certificate with --ca-file FILE'
    : `${way}${service === 'sts' ? '' : ', or another URL with --endpoint-url'}`;
  return new AirgapError('network', `${what}: ${api} ${problem}`, { cause, hint });
}

function apiOf(cause: unknown): string {
  return (cause instanceof Error ? APIS.get(cause) : undefined) ?? CREDENTIALS_API;
}

/** Returns the error's name, which is the service's error code in the SDK. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
