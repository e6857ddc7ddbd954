import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../src/auth/challenge.ts';

const read = (header: string | string[] | undefined): [string, Record<string, string>][] =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('WWW-Authenticate', () => {
  it('is parsed as sent by registries', () => {
    expect(
      read('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'),
    ).toEqual([
      [
        'bearer',
        { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
      ],
    ]);
    expect(
      read('Basic realm="https://123456789012.dkr.ecr.us-east-1.amazonaws.com/",service="ecr.amazonaws.com"'),
    ).toEqual([
      ['basic', { realm: 'https://123456789012.dkr.ecr.us-east-1.amazonaws.com/', service: 'ecr.amazonaws.com' }],
    ]);
  });

  it('may have several challenges, in one header or more', () => {
    const both = [
      ['negotiate', {}],
      ['bearer', { realm: 'https://a.example/t' }],
      ['basic', { realm: 'x' }],
    ];
    expect(read('Negotiate, Bearer realm="https://a.example/t", Basic realm="x"')).toEqual(both);
    expect(read(['Negotiate', 'Bearer realm="https://a.example/t"', 'Basic realm=x'])).toEqual(both);
  });

  it('may have quoted strings with commas and escapes, spaces around the equals sign, and names in any case', () => {
    expect(read('bearer REALM = "a, \\"b\\" \\\\ c" , Error="x"')).toEqual([
      ['bearer', { realm: 'a, "b" \\ c', error: 'x' }],
    ]);
  });

  it('may have values without names, which are skipped', () => {
    expect(read('Negotiate YWJj==, Basic realm="x"')).toEqual([
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ]);
  });

  it('is parsed up to the first error', () => {
    expect(read('Basic realm="x", Bearer realm="broken')).toEqual([
      ['basic', { realm: 'x' }],
      ['bearer', {}],
    ]);
    expect(read(undefined)).toEqual([]);
    expect(read('"')).toEqual([]);
  });
});
