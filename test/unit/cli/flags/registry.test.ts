import { describe, expect, it } from 'vitest';
import { clientCertificatesOf } from '../../../../src/cli/flags/registry.ts';

describe('--client-cert and --client-key', () => {
  it('name files by host, relative to the working directory, with precedence over the configuration file', () => {
    const flags = { clientCert: ['R.example:5000=c.pem', 'both.example=/b.pem'], clientKey: ['r.example:5000=c.key'] };
    const clientCertificates = {
      'r.example:5000': { cert: 'other.pem', key: 'other.key' },
      'own.example': { cert: 'own.pem', key: 'own.key' },
    };
    expect(clientCertificatesOf(flags, '/cwd', { clientCertificates }, '/conf')).toEqual([
      { host: 'r.example:5000', certFile: '/cwd/c.pem', keyFile: '/cwd/c.key' },
      { host: 'both.example', certFile: '/b.pem' },
      { host: 'own.example', certFile: '/conf/own.pem', keyFile: '/conf/own.key' },
    ]);
    expect(clientCertificatesOf({}, '/cwd')).toEqual([]);
  });

  it.each<[string, string[], string[], RegExp]>([
    ['no host', ['=c.pem'], [], /--client-cert =c\.pem .*HOST=FILE/],
    ['no file', ['r.example='], [], /--client-cert r\.example= .*HOST=FILE/],
    ['a file alone', ['c.pem'], [], /--client-cert c\.pem .*HOST=FILE/],
    ['a URL', ['https://r.example=c.pem'], [], /--client-cert https:\/\/r\.example:/],
    ['a repository', ['r.example/a=c.pem'], [], /--client-cert r\.example\/a:/],
    ['a host twice', ['r.example=c.pem', 'R.example=d.pem'], [], /--client-cert .*r\.example/],
    ['a key twice', ['r.example=c.pem'], ['r.example=c.key', 'r.example=d.key'], /--client-key .*r\.example/],
    ['a key alone', [], ['r.example=c.key'], /--client-key .*r\.example/],
  ])('are refused with %s', (_, clientCert, clientKey, message) => {
    const read = (): unknown => clientCertificatesOf({ clientCert, clientKey }, '/cwd');
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ code: 'usage', exitCode: 2 }));
  });

  it.each([
    ['a host twice', { 'r.example': { cert: 'a' }, 'R.example': { cert: 'b' } }],
    ['no host', { 'https://r.example': { cert: 'a' } }],
  ])('are refused in the configuration file with %s', (_, clientCertificates) => {
    const read = (): unknown => clientCertificatesOf({}, '/cwd', { clientCertificates });
    expect(read).toThrow(expect.objectContaining({ code: 'config', exitCode: 2 }));
  });
});
