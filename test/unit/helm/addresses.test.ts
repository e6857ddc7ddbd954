import { describe, expect, it } from 'vitest';
import { hostPortOf, hostPortsOf, parseAllowedHost } from '../../../src/helm/addresses.ts';
import { checkPublicAddress } from '../../../src/helm/public-address.ts';

const PUBLIC = '93.184.216.34';
const check = (address: string, allowed: string[] = [], found: string[] = [PUBLIC]) =>
  checkPublicAddress(address, hostPortsOf(allowed), async () => found);

describe('checkAddress', () => {
  it.each([
    'https://charts.example/stable',
    'oci://r.example/charts',
    'https://93.184.216.34:8443/x',
    'https://[2606:4700::1]/',
  ])('takes %s, a public host with TLS', async (address) => {
    await expect(check(address)).resolves.toBeUndefined();
  });

  it.each([
    'http://charts.example',
    'https://127.0.0.1/',
    'https://127.9.9.9:8443/',
    'https://0.0.0.0/',
    'https://10.1.2.3/',
    'https://100.100.100.200/',
    'https://169.254.169.254/latest/meta-data',
    'https://172.31.0.1/',
    'https://192.168.1.1/',
    'oci://10.0.0.5:5000/charts',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[fd00:ec2::254]/',
    'https://[fe80::1]/',
    'https://[2002:7f00:1::]/',
    'https://me@charts.example/',
    'https://charts.example\\@127.0.0.1/',
    'https://charts.example%2f@127.0.0.1/',
    'https://ch arts.example/',
    'file:///etc',
    's3://bucket/charts',
    'https:charts.example',
  ])('refuses %s', async (address) => {
    await expect(check(address)).rejects.toMatchObject({ code: 'forbidden', hint: expect.any(String) });
  });

  it('refuses a name if any of its addresses is private', async () => {
    for (const address of ['127.0.0.1', '169.254.169.254', '::ffff:10.0.0.1', 'fd00::1', 'fe80::1%eth0'])
      await expect(check('https://charts.example', [], [PUBLIC, address])).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('accepts a name that cannot be resolved, since Helm may use a proxy', async () => {
    const unresolvable = () => Promise.reject(new Error('ENOTFOUND'));
    await expect(checkPublicAddress('https://charts.example', new Set(), unresolvable)).resolves.toBeUndefined();
  });

  it('accepts hosts named by the user, on the same port', async () => {
    const allowed = ['http://10.0.0.1:8080/x', 'mirror.corp', 'oci://r.corp/x', '*', 'https://me:pw@own.corp/charts'];
    for (const address of ['http://10.0.0.1:8080/', 'http://mirror.corp/', 'https://MIRROR.corp./', 'oci://r.corp/y'])
      await expect(check(address, allowed, ['10.0.0.9']), address).resolves.toBeUndefined();
    await expect(check('https://own.corp/', allowed, ['10.0.0.9'])).resolves.toBeUndefined();
    for (const address of ['http://10.0.0.1/', 'http://r.corp/', 'https://mirror.corp:444/'])
      await expect(check(address, allowed, ['10.0.0.9']), address).rejects.toMatchObject({ code: 'forbidden' });
  });
});

it('returns host and port in lower case', () => {
  expect(
    ['https://A.example', 'http://a.example/x', 'oci://a.example:5000/x', 'https://[::1]:8443'].map(hostPortOf),
  ).toEqual(['a.example:443', 'a.example:80', 'a.example:5000', '[::1]:8443']);
});

it('parses allowed hosts', () => {
  expect(parseAllowedHost('10.0.0.5:8080')).toBe('10.0.0.5:8080');
  for (const text of ['', 'a b', 'https://x', 'x/y', '-x'])
    expect(() => parseAllowedHost(text)).toThrow(expect.objectContaining({ code: 'usage' }));
});
