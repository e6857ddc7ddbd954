import { describe, expect, it } from 'vitest';
import { nestedCharts } from '../../../src/discovery/nested/index.ts';
import { networkNeeds } from '../../../src/discovery/network/index.ts';
import { unpack } from '../../../src/discovery/payload.ts';
import { parseMetadata } from '../../../src/helm/chart-metadata.ts';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { readManifest } from '../../../src/helm/go-yaml.ts';
import { configMap, discover } from '../../support/discovery/references.ts';

const LENGTH = 200_000;
/** Milliseconds. A few hundred where it is linear, even on a busy machine; minutes where it is not. */
const SOON = 10_000;

const repeated = (pattern: string): string => pattern.repeat(Math.ceil(LENGTH / pattern.length)).slice(0, LENGTH);

describe('a text of 200,000 characters is searched quickly', () => {
  it.each(['a/', 'helm,,', '$(', '$(a', '#', '::', 'Ab', '\ra: ', '\\ '])('of %j', (pattern) => {
    const start = performance.now();
    const manifest = configMap(`image: "x" ${repeated(pattern)}\r!`);
    discover(manifest);
    const documents = splitDocuments(`---\n# Source: a/t.yaml\n${manifest}\n`);
    networkNeeds(documents, { chart: 'a', profile: 'default' });
    nestedCharts(documents, {});
    expect(performance.now() - start).toBeLessThan(SOON);
  });

  it.each(['#', 'helm,,', ' ', "' "])('as a manifest that is not YAML, of %j', (pattern) => {
    const start = performance.now();
    expect(readManifest(`kind: Pod\na: [${repeated(pattern)}`).problem).toBeDefined();
    expect(performance.now() - start).toBeLessThan(SOON);
  });

  it.each(['{}', "''", '} ', '- '])('as a Chart.yaml that is not YAML, of %j', (pattern) => {
    const start = performance.now();
    expect(() => parseMetadata(repeated(pattern), 'a.tgz')).toThrow(expect.objectContaining({ code: 'chart-invalid' }));
    expect(performance.now() - start).toBeLessThan(SOON);
  });

  it('as a text that nests deeper than any parser reads', () => {
    const deep = `a: b\n${repeated('- ')}\nimage: quay.io/a/b:1\n`;
    expect(unpack(deep).kind).toBe('words');
    expect(discover(configMap(deep)).map(({ reference }) => reference)).toEqual(['quay.io/a/b:1']);
  });
});
