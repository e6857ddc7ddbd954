import { expect, test } from 'vitest';
import { formatAddress, parseListenAddress, resolveHost } from '../../../src/serve/listen-address.ts';

test.each([
  ['127.0.0.1:5000', { host: '127.0.0.1', port: 5000 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['[::1]:65535', { host: '::1', port: 65_535 }],
])('%s', (text, address) => {
  expect(parseListenAddress(text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test.each([
  '',
  '5000',
  ':5000',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '::1:5000',
  '[x]:1',
  'a b:1',
  'a/b:1',
])('%j is none', (text) => {
  expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'usage' }));
});

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
])('%s is loopback: %s', async (host, isLoopback) => {
  expect(await resolveHost(host)).toEqual({ address: host, isLoopback });
});
