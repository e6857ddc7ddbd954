import { AirgapError, messageOf } from '../base/errors.ts';

const CREDENTIALS: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'UnrecognizedClientException',
]);

/** Whether the SDK found no credentials at all. */
export function lacksCredentials(error: unknown): boolean {
  return nameOf(error) === 'CredentialsProviderError';
}

export function isDenied(error: unknown): boolean {
  const name = nameOf(error);
  return name === 'AccessDeniedException' || name === 'AccessDenied';
}

/** What the SDK throws, as one sentence. `what` begins it: host and what was being done. */
export function awsError(what: string, cause: unknown): AirgapError {
  if (cause instanceof AirgapError) return cause;
  const said = messageOf(cause).replace(/\s+/g, ' ').slice(0, 400);
  if (lacksCredentials(cause)) {
    return new AirgapError('unauthorized', `${what}: no AWS credentials were found`, {
      cause,
      hint: 'set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this host a role',
    });
  }
  if (CREDENTIALS.has(nameOf(cause))) {
    return new AirgapError('unauthorized', `${what}: AWS does not accept the credentials: ${said}`, {
      cause,
      hint: 'renew them; see who they belong to with: aws sts get-caller-identity',
    });
  }
  if (isDenied(cause)) return new AirgapError('forbidden', `${what}: AWS does not allow it: ${said}`, { cause });
  const status = (cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  if (status === undefined) {
    return new AirgapError('network', `${what}: the API of ECR cannot be reached: ${said || nameOf(cause)}`, {
      cause,
      hint: 'in an isolated network this needs the VPC endpoint com.amazonaws.REGION.ecr.api; give another URL with --endpoint-url',
    });
  }
  return new AirgapError('registry', `${what}: ECR answers ${status} (${nameOf(cause)}: ${said})`, { cause });
}

/** The error's name: the SDK puts the service's error code there. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
