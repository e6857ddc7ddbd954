import { describe, expect, it } from 'vitest';
import { awsError, recordApi } from '../../../src/ecr/failures.ts';

const named = (name: string, message: string, status?: number): Error =>
  Object.assign(new Error(message), {
    name,
    ...(status === undefined ? {} : { $metadata: { httpStatusCode: status } }),
  });

describe('an error of AWS', () => {
  it.each([
    [
      named('CredentialsProviderError', 'Could not load credentials from any providers'),
      'unauthorized',
      /^login to x: .*AWS credentials/,
    ],
    [
      named('CredentialsProviderError', 'The SSO session associated with this profile has expired'),
      'unauthorized',
      /The SSO session .* has expired/,
    ],
    [
      Object.assign(new Error('ENOENT: no such file, open /token'), { code: 'ENOENT', path: '/token' }),
      'unauthorized',
      /ENOENT.*\/token/,
    ],
    [named('ExpiredTokenException', 'The security token included is expired', 400), 'unauthorized', /is expired/],
    [named('AccessDeniedException', 'User: x is not authorized', 400), 'forbidden', /not authorized/],
    [named('SignatureDoesNotMatch', 'Signature not yet current', 403), 'unauthorized', /not yet current/],
    [named('SyntaxError', 'Unexpected token <', 200), 'registry', /\b200\b/],
    [named('Error', 'getaddrinfo ENOTFOUND api.ecr.us-east-1.amazonaws.com'), 'network', /ENOTFOUND/],
    [
      named('LimitExceededException', 'too many repositories', 400),
      'registry',
      /400 \(LimitExceededException: too many/,
    ],
  ])('has its own code: %s', (error, code, message) => {
    expect(awsError('login to x', error)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each([
    ['the ECR API in us-east-1', 'com.amazonaws.us-east-1.ecr.api'],
    ['the STS API in us-east-1', 'com.amazonaws.us-east-1.sts'],
    ['', 'com.amazonaws.REGION.sts'],
    ['the ECR Public API in us-east-1', 'AWS_ENDPOINT_URL_ECR_PUBLIC'],
  ])('about an unreachable API has its name and its endpoint: %s', (api, service) => {
    const error = named('TimeoutError', 'connect ETIMEDOUT');
    if (api !== '') recordApi(error, api);
    const { code, message, hint } = awsError('x', error);
    expect([code, message]).toEqual(['network', expect.stringContaining(api || 'STS or SSO')]);
    expect(hint).toContain(service);
  });

  it.each([
    [named('Error', 'unable to get local issuer certificate'), '--ca-file'],
    [named('KmsException', 'the key is not accessible', 400), 'docs/aws.md'],
    [named('LimitExceededException', 'too many repositories', 400), 'quota'],
    [named('CredentialsProviderError', 'The SSO session has expired'), 'aws sso login'],
    [named('AccessDeniedException', 'not authorized to perform: ecr:GetAuthorizationToken', 400), 'docs/aws.md'],
    [named('InvalidSignatureException', 'Signature expired: 2026 is now earlier than 2026', 400), 'clock'],
    [named('RequestTimeTooSkewed', 'the difference is too large', 403), 'clock'],
    [named('SyntaxError', 'Unexpected token <', 200), 'HTTPS_PROXY'],
  ])('has a hint: %s', (error, hint) => {
    expect(awsError('x', error).hint).toContain(hint);
  });
});
