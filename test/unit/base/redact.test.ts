import { describe, expect, it } from 'vitest';
import { redact, registerSecret } from '../../../src/base/redact.ts';

describe('redact', () => {
  it.each([
    ['user info of a URL', 'GET https://robot:hunter22@quay.io/v2/', 'GET https://***@quay.io/v2/'],
    ['a user without a password', 'https://token123@git.example/x', 'https://***@git.example/x'],
    ['a password with an @', 'https://user:p@ss@quay.io/v2/', 'https://***@quay.io/v2/'],
    ['a proxy URL', 'HTTPS_PROXY=http://me:s3cret@proxy.example:3128', 'HTTPS_PROXY=http://***@proxy.example:3128'],
    ['a Basic authorization', 'Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic ***'],
    [
      'a complaint',
      'may require authorization: authorization failed: no',
      'may require authorization: authorization failed: no',
    ],
    ['a header of fetch', '{"authorization":"Bearer abcdefghij"}', '{"authorization":"Bearer ***"}'],
    ['a proxy authorization', 'proxy-authorization: basic abc', 'proxy-authorization: basic ***'],
    ['a bare bearer token', 'sent Bearer eyJhbGciOi.J9.x-y_z', 'sent Bearer ***'],
    ['a lower-case scheme', 'sent basic dXNlcjpwYXNz', 'sent basic ***'],
    [
      'a token in a query',
      'https://r.example/t?service=x&token=abc&a=1',
      'https://r.example/t?service=x&token=***&a=1',
    ],
    ['a refresh token', 'https://r.example/t?refresh_token=abc', 'https://r.example/t?refresh_token=***'],
    [
      'a presigned S3 URL',
      'https://b.example/x?X-Amz-Credential=AKIA%2F1&X-Amz-Date=2&X-Amz-Security-Token=t&X-Amz-Signature=f00',
      'https://b.example/x?X-Amz-Credential=***&X-Amz-Date=2&X-Amz-Security-Token=***&X-Amz-Signature=***',
    ],
    ['a presigned GCS URL', 'https://b.example/x?X-Goog-Signature=f00', 'https://b.example/x?X-Goog-Signature=***'],
    ['a presigned Azure URL', 'https://b.example/x?sv=1&sig=f00', 'https://b.example/x?sv=1&sig=***'],
    ['an AWS secret key', 'AWS_SECRET_ACCESS_KEY=wJalr/K7', 'AWS_SECRET_ACCESS_KEY=***'],
    ['an AWS session token in a file', 'aws_session_token = FwoG', 'aws_session_token = ***'],
    [
      'an AWS answer',
      '{"SecretAccessKey": "wJalr", "SessionToken":"Fw"}',
      '{"SecretAccessKey": "***", "SessionToken":"***"}',
    ],
    ['a password behind its name', "password: 'hunter2'", "password: '***'"],
  ])('redacts %s', (_, text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it.each([
    'quay.io/org/app:1.2.3@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    'oci://registry.example:5000/charts/web@sha256:0123456789abcdef',
    'docker://nginx@sha256:0123456789abcdef',
    'HTTP Basic authentication is required',
    'a Bearer challenge without a realm',
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    'https://charts.example/index.yaml?version=1.2.3&page=2',
    'mail to someone@example.org',
    'https://r.example/v2/org/app/manifests/1.0 answers 404',
    'tokens: 3, keys: 4',
  ])('leaves ordinary text alone: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('redacts registered secrets anywhere', () => {
    registerSecret('correct horse $&');
    expect(redact('a correct horse $& b correct horse $&')).toBe('a *** b ***');
  });

  it('redacts a secret behind a name that is itself a registered secret, and the whole of one that contains another', () => {
    registerSecret('Authorisierung');
    registerSecret('pässword=geheim"nis');
    expect(redact('https://r.example/t?Authorisierung_token=abc')).toBe('https://r.example/t?***_token=***');
    expect(redact('password: pässword=geheim"nis.')).toBe('password: ***.');
  });

  it('ignores very short secrets, which would blank ordinary text', () => {
    registerSecret('cat');
    registerSecret('');
    expect(redact('concatenate')).toBe('concatenate');
  });
});
