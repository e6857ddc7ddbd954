import { expect, it } from 'vitest';
import { changedCatalogData, parseCatalogData } from '../../../../src/ecr/public/catalog-data.ts';

const parse = (value: unknown): unknown => parseCatalogData('--catalog-data c.json', JSON.stringify(value));

it('catalog data is what the API takes', () => {
  const data = {
    description: 'x'.repeat(1024),
    architectures: ['ARM', 'ARM 64', 'x86', 'x86-64'],
    operatingSystems: ['Linux', 'Windows'],
    aboutText: 'x'.repeat(25_600),
    usageText: 'x'.repeat(25_600),
    logoImageBlob: Buffer.alloc(512_000).toString('base64'),
  };
  expect(parse(data)).toEqual(data);
  expect(parse({})).toEqual({});
});

it.each<[string, unknown]>([
  ['description', { description: 'x'.repeat(1025) }],
  ['architectures.0', { architectures: ['amd64'] }],
  ['operatingSystems.0', { operatingSystems: ['linux'] }],
  ['aboutText', { aboutText: 'x'.repeat(25_601) }],
  ['usageText', { usageText: 'x'.repeat(25_601) }],
  ['logoImageBlob', { logoImageBlob: Buffer.alloc(512_001).toString('base64') }],
  ['logoImageBlob', { logoImageBlob: 'logo.png' }],
  ['summary', { summary: 'x' }],
  ['file', ['x']],
])('catalog data outside of its limits is refused: %s', (field, value) => {
  expect(() => parse(value)).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining(field) }),
  );
});

it('text that is not JSON is refused', () => {
  expect(() => parseCatalogData('--catalog-data c.json', '{')).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining('--catalog-data c.json') }),
  );
});

it('a change keeps other fields; a logo is always sent', () => {
  const present = { description: 'a', aboutText: 'b', logoUrl: 'https://logo.example' };
  expect(changedCatalogData(present, { description: 'a' })).toBeUndefined();
  expect(changedCatalogData({}, { description: '' })).toBeUndefined();
  expect(changedCatalogData(present, { description: 'c' })).toEqual({ description: 'c', aboutText: 'b' });
  expect(changedCatalogData(present, { logoImageBlob: 'bG9nbw==' })).toEqual({
    description: 'a',
    aboutText: 'b',
    logoImageBlob: Buffer.from('logo'),
  });
});
