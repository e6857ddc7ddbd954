import { expect, it } from 'vitest';
import { yamlDocument, yamlDocuments, yamlValue } from '../../../src/base/yaml-reading.ts';

const DEEP = `a: b\n${'- '.repeat(40_000)}\nb: c\n`;

it('gives what has no room on the stack as an error like others', () => {
  for (const document of [yamlDocument(DEEP), ...yamlDocuments(DEEP)])
    expect(document.errors.map(({ code }) => code)).toContain('RESOURCE_EXHAUSTION');
  expect(() => yamlValue(DEEP)).toThrow(/line 1/);
});

it('says where the first thing is that is wrong', () => {
  expect(() => yamlValue('a: b\n}\n')).toThrow(/line 2, column 1/);
  expect(() => yamlValue('a: b\n---\nc: d\n')).toThrow(/line 2/);
  expect(yamlValue('a: [b]\n')).toEqual({ a: ['b'] });
});

it('takes no mapping for a key: the package is busy for hours with some kilobytes of them', () => {
  const start = performance.now();
  const { errors } = yamlDocument(`${'? '.repeat(500)}a\n`);
  expect(errors.map(({ code }) => code)).toContain('NON_STRING_KEY');
  expect(() => yamlValue(`${'? '.repeat(500)}a\n`)).toThrow();
  expect(performance.now() - start).toBeLessThan(5000);
  expect(yamlValue('1: a\n<<: {b: c}\n', { merge: true })).toEqual({ 1: 'a', b: 'c' });
});

it('warns of nothing on the terminal', async () => {
  const warnings: Error[] = [];
  const keep = (warning: Error): void => void warnings.push(warning);
  process.on('warning', keep);
  expect(yamlValue('a: !unknown b\n')).toEqual({ a: 'b' });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', keep);
  expect(warnings).toEqual([]);
});
