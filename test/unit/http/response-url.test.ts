import { expect, it } from 'vitest';
import { resolveUrl } from '../../../src/http/response-url.ts';

it.each([
  ['/v2/a', 'https://r.example/v2/a'],
  ['//other.example/a', 'https://other.example/a'],
  ['http://other.example/a', 'http://other.example/a'],
  ['ftp://r.example/a', undefined],
  ['https://', undefined],
])('resolves %s', (text, expected) => {
  expect(resolveUrl(text, new URL('https://r.example/token'))?.href).toBe(expected);
});
