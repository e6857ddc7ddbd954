import { describe, expect, it } from 'vitest';
import { awsError } from '../../../src/ecr/failures.ts';

const named = (name: string, message: string, status?: number): Error =>
  Object.assign(new Error(message), {
    name,
    ...(status === undefined ? {} : { $metadata: { httpStatusCode: status } }),
  });

describe('what AWS says', () => {
  it.each([
    [
      named('CredentialsProviderError', 'Could not load credentials from any providers'),
      'unauthorized',
      /no AWS credentials were found$/,
    ],
    [
      named('CredentialsProviderError', 'The SSO session associated with this profile has expired'),
      'unauthorized',
      /no AWS credentials to be had: The SSO session .* has expired/,
    ],
    [
      Object.assign(new Error('ENOENT: no such file, open /token'), { code: 'ENOENT', path: '/token' }),
      'unauthorized',
      /credentials cannot be read: ENOENT.*\/token/,
    ],
    [named('ExpiredTokenException', 'The security token included is expired', 400), 'unauthorized', /is expired/],
    [named('AccessDeniedException', 'User: x is not authorized', 400), 'forbidden', /not authorized/],
    [
      named('Error', 'getaddrinfo ENOTFOUND api.ecr.us-east-1.amazonaws.com'),
      'network',
      /cannot be reached.*ENOTFOUND/,
    ],
    [
      named('LimitExceededException', 'too many repositories', 400),
      'registry',
      /400 \(LimitExceededException: too many/,
    ],
  ])('becomes an error with its own code: %s', (error, code, message) => {
    expect(awsError('login to x', error)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('about an API out of reach comes with what an isolated network needs', () => {
    expect(awsError('x', named('TimeoutError', 'connect ETIMEDOUT')).hint).toContain('ecr.api');
  });

  it.each([
    [named('Error', 'unable to get local issuer certificate'), '--ca-file'],
    [named('KmsException', 'the key is not accessible', 400), 'docs/aws.md'],
    [named('LimitExceededException', 'too many repositories', 400), 'quota'],
    [named('CredentialsProviderError', 'The SSO session has expired'), 'aws sso login'],
  ])('comes with what helps: %s', (error, hint) => {
    expect(awsError('x', error).hint).toContain(hint);
  });
});
