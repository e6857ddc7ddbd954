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

/** What AWS says of a request that its clock takes for old or not yet begun. */
const CLOCK = /signature (?:expired|not yet current)|skew|request has expired/i;

/** Which API of AWS an error is of. One that is of none is of those that give credentials (STS, SSO), which the SDK asks. */
const APIS = new WeakMap<Error, string>();
const CREDENTIALS_API = 'the API that gives AWS credentials (STS or SSO)';

/** What helps, where it is not to try again; by the service's error code. */
const HINTS: Readonly<Partial<Record<string, string>>> = {
  KmsException: 'the key has to be of this region, enabled, and yours to use: docs/aws.md says what that takes',
  LimitExceededException: 'ask for a higher quota (Service Quotas, Amazon ECR), or see --naming single-repository',
};

/** What the SDK says when it has asked everywhere and nothing gave credentials. */
const NOWHERE = /^Could not load credentials from any providers/;

/** Whether the SDK got no credentials: there are none, or what should give them does not. */
export function lacksCredentials(error: unknown): boolean {
  return nameOf(error) === 'CredentialsProviderError';
}

/** Whether that is because nobody has set any up. */
export function hasNone(error: unknown): boolean {
  return lacksCredentials(error) && NOWHERE.test(messageOf(error));
}

export function isDenied(error: unknown): boolean {
  const name = nameOf(error);
  return name === 'AccessDeniedException' || name === 'AccessDenied';
}

/** Whether the API took the request, or nobody did, and gave no answer in time. */
export function timedOut(error: unknown): boolean {
  return nameOf(error) === 'TimeoutError';
}

/** Remembers of which API an error is, for {@link awsError}: `the API of ECR in us-east-1`. */
export function tellApi(error: unknown, api: string): void {
  if (error instanceof Error) APIS.set(error, api);
}

/** What the SDK throws, as one sentence. `what` begins it: host and what was being done. */
export function awsError(what: string, cause: unknown): AirgapError {
  if (cause instanceof AirgapError) return cause;
  const said = messageOf(cause).replace(/\s+/g, ' ').slice(0, 400);
  if (lacksCredentials(cause)) {
    const hint = 'set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this host a role';
    if (NOWHERE.test(said))
      return new AirgapError('unauthorized', `${what}: no AWS credentials were found`, { cause, hint });
    return new AirgapError('unauthorized', `${what}: AWS gives no credentials: ${said}`, {
      cause,
      hint: 'see the profiles with: aws configure list-profiles; a session of SSO begins with: aws sso login',
    });
  }
  const { code, path } = (cause ?? {}) as { readonly code?: unknown; readonly path?: unknown };
  if (typeof path === 'string' && typeof code === 'string') {
    return new AirgapError('unauthorized', `${what}: the AWS credentials cannot be read: ${said}`, { cause });
  }
  if (CREDENTIALS.has(nameOf(cause))) {
    return new AirgapError('unauthorized', `${what}: AWS does not accept the credentials: ${said}`, {
      cause,
      hint: CLOCK.test(`${nameOf(cause)} ${said}`)
        ? "set this machine's clock: AWS takes requests of the last and the next minutes only"
        : 'renew them; see who they belong to with: aws sts get-caller-identity',
    });
  }
  if (isDenied(cause) && said.includes('sts:AssumeRole')) {
    return new AirgapError('unauthorized', `${what}: the role may not be assumed: ${said}`, {
      cause,
      hint: 'the role has to trust whoever assumes it, and they need sts:AssumeRole on it',
    });
  }
  if (isDenied(cause)) {
    const hint =
      'docs/aws.md lists the permissions; a policy of the organisation or of a VPC endpoint can refuse them, too';
    return new AirgapError('forbidden', `${what}: AWS does not allow it: ${said}`, { cause, hint });
  }
  const status = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  if (status === undefined || timedOut(cause)) return unreachable(what, cause, said);
  if (nameOf(cause) === 'SyntaxError') {
    const hint = 'a proxy or login portal seems to answer in its place: check HTTPS_PROXY and --endpoint-url';
    return new AirgapError('registry', `${what}: ${apiOf(cause)} answers ${status} with no JSON`, { cause, hint });
  }
  const hint = HINTS[nameOf(cause)];
  const details = { cause, ...(hint === undefined ? {} : { hint }) };
  return new AirgapError('registry', `${what}: ECR answers ${status} (${nameOf(cause)}: ${said})`, details);
}

function unreachable(what: string, cause: unknown, said: string): AirgapError {
  const api = apiOf(cause);
  const problem = timedOut(cause) ? 'does not answer' : `cannot be reached: ${said || nameOf(cause)}`;
  const service = api === CREDENTIALS_API || api.includes('STS') ? 'sts' : 'ecr.api';
  const [, region = 'REGION'] = / in ([a-z]{2,}(?:-[a-z]+)+-\d+)/.exec(api) ?? [];
  const way = `check the region and the way there (HTTPS_PROXY, firewalls); in an isolated network this needs the VPC endpoint com.amazonaws.${region}.${service}`;
  const hint = /certificate/i.test(said)
    ? 'give the authority that signed it with --ca-file FILE'
    : `${way}${service === 'sts' ? '' : '; give another URL with --endpoint-url'}`;
  return new AirgapError('network', `${what}: ${api} ${problem}`, { cause, hint });
}

function apiOf(cause: unknown): string {
  return (cause instanceof Error ? APIS.get(cause) : undefined) ?? CREDENTIALS_API;
}

/** The error's name: the SDK puts the service's error code there. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
