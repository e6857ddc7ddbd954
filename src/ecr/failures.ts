import { AirgapError, messageOf } from '../base/errors.ts';

const CREDENTIAL_ERRORS: ReadonlySet<string> = new Set([
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
const CLOCK_SKEW = /signature (?:expired|not yet current)|skew|request has expired/i;

/** API of each error. Errors without one come from the credential APIs (STS, SSO), which the SDK calls itself. */
const API_BY_ERROR = new WeakMap<Error, string>();
const CREDENTIALS_API = 'the API for AWS credentials (STS or SSO)';

/** Hints by error code of the service. */
const HINTS: Readonly<Partial<Record<string, string>>> = {
  KmsException: 'use an enabled key of this region that you have access to: docs/aws.md lists the requirements',
  LimitExceededException: 'request a higher quota (Service Quotas, Amazon ECR), or use --naming single-repository',
};

/** Message of the SDK when no source has credentials. */
const NO_CREDENTIALS_FOUND = /^Could not load credentials from any providers/;

/** Reports whether the SDK has no credentials: none are configured, or their provider failed. */
export function lacksCredentials(error: unknown): boolean {
  return errorName(error) === 'CredentialsProviderError';
}

/** Reports whether no credentials are configured at all. */
export function hasNoCredentialSource(error: unknown): boolean {
  return lacksCredentials(error) && NO_CREDENTIALS_FOUND.test(messageOf(error));
}

export function isDenied(error: unknown): boolean {
  const name = errorName(error);
  return name === 'AccessDeniedException' || name === 'AccessDenied';
}

/** Reports whether there was no connection or no response in time. */
export function isTimeout(error: unknown): boolean {
  return errorName(error) === 'TimeoutError';
}

/** Records the API of an error for {@link awsError}: `the ECR API in us-east-1`. */
export function recordApi(error: unknown, api: string): void {
  if (error instanceof Error) API_BY_ERROR.set(error, api);
}

/** Translates an error of the SDK. `what` is the beginning of the message: the operation and the host. */
export function awsError(what: string, cause: unknown): AirgapError {
  if (cause instanceof AirgapError) return cause;
  const reason = messageOf(cause).replace(/\s+/g, ' ').slice(0, 400);
  if (lacksCredentials(cause)) {
    const hint = 'set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this host a role';
    if (NO_CREDENTIALS_FOUND.test(reason))
      return new AirgapError('unauthorized', `no AWS credentials were found`, { subject: what, cause, hint });
    return new AirgapError('unauthorized', `AWS credentials could not be obtained: ${reason}`, {
      subject: what,
      cause,
      hint: 'list the profiles with: aws configure list-profiles; start an SSO session with: aws sso login',
    });
  }
  const { code, path } = (cause ?? {}) as { readonly code?: unknown; readonly path?: unknown };
  if (typeof path === 'string' && typeof code === 'string') {
    return new AirgapError('unauthorized', `cannot read the AWS credentials: ${reason}`, { subject: what, cause });
  }
  if (CREDENTIAL_ERRORS.has(errorName(cause))) {
    return new AirgapError('unauthorized', `AWS rejected the credentials: ${reason}`, {
      subject: what,
      cause,
      hint: CLOCK_SKEW.test(`${errorName(cause)} ${reason}`)
        ? 'correct the clock of this machine: AWS accepts a difference of a few minutes only'
        : 'renew them; show their owner with: aws sts get-caller-identity',
    });
  }
  if (isDenied(cause) && reason.includes('sts:AssumeRole')) {
    return new AirgapError('unauthorized', `the role cannot be assumed: ${reason}`, {
      subject: what,
      cause,
      hint: 'add the caller to the trust policy of the role, and grant the caller sts:AssumeRole on it',
    });
  }
  if (isDenied(cause)) {
    const hint =
      'grant the permissions listed in docs/aws.md; policies of the organization or of a VPC endpoint can also deny them';
    return new AirgapError('forbidden', `AWS denied access: ${reason}`, { subject: what, cause, hint });
  }
  const status = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  if (status === undefined || isTimeout(cause)) return unreachableError(what, cause, reason);
  if (errorName(cause) === 'SyntaxError') {
    const hint = 'a proxy or login portal may have responded instead: check HTTPS_PROXY and --endpoint-url';
    return new AirgapError('registry', `${apiOf(cause)} returned ${status} without JSON`, {
      subject: what,
      cause,
      hint,
    });
  }
  const hint = HINTS[errorName(cause)];
  const detail = `${errorName(cause)}: ${reason}`;
  return new AirgapError('registry', `ECR returned ${status}`, { subject: what, detail, cause, hint });
}

function unreachableError(what: string, cause: unknown, reason: string): AirgapError {
  const api = apiOf(cause);
  const problem = isTimeout(cause) ? 'does not respond' : `cannot be reached: ${reason || errorName(cause)}`;
  const service = api === CREDENTIALS_API || api.includes('STS') ? 'sts' : 'ecr.api';
  const [, region = 'REGION'] = / in ([a-z]{2,}(?:-[a-z]+)+-\d+)/.exec(api) ?? [];
  const routeHint = `check the region and the network (HTTPS_PROXY, firewalls); an isolated network needs the VPC endpoint com.amazonaws.${region}.${service}`;
  const isPublic = api.includes('ECR Public');
  const hint = /certificate/i.test(reason)
    ? 'pass the CA certificate with --ca-file FILE'
    : isPublic
      ? 'check the network (HTTPS_PROXY, firewalls); AWS_ENDPOINT_URL_ECR_PUBLIC sets another URL'
      : `${routeHint}${service === 'sts' ? '' : ', or another URL with --endpoint-url'}`;
  return new AirgapError('network', `${api} ${problem}`, { subject: what, cause, hint });
}

function apiOf(cause: unknown): string {
  return (cause instanceof Error ? API_BY_ERROR.get(cause) : undefined) ?? CREDENTIALS_API;
}

/** Returns the error's name, which is the service's error code in the SDK. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
