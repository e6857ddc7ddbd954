import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { operatorScanNotes, operatorScanReport } from '../../../src/cli/reports/operator-scan.ts';
import { rulesDocument } from '../../../src/cli/reports/proposed-rules.ts';
import { toFindings } from '../../../src/discovery/index.ts';
import type { LocatedReference } from '../../../src/inventory/finding.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import type { Existence } from '../../../src/operator-scan/image/confirm.ts';
import { scanImage } from '../../../src/operator-scan/image/scan-image.ts';
import { confirmScan, type OperatorScanResult, operatorImagesOf } from '../../../src/operator-scan/operators.ts';
import { proposeRules } from '../../../src/operator-scan/propose-rules.ts';
import { scannedReferences, separateScanFindings } from '../../../src/operator-scan/results.ts';
import { goProgram } from '../../support/program.ts';
import { blocksText } from '../../support/report-text.ts';
import { tarOf } from '../../support/tar.ts';

const operator = 'quay.io/widget/operator:v1.0.0';
const located: LocatedReference = {
  ...{ chart: 'c', profile: 'default', template: 'c/templates/a.yaml', document: 0, kind: 'Deployment', name: 'o' },
  ...{ path: 'spec.template.spec.containers[0].image', how: 'pod-spec', written: operator, reference: operator },
  ...{ confidence: 'certain', need: 'install' },
};
const chart = {
  operators: [{ reference: located, words: [], variables: ['RELATED_IMAGE_CACHE'] }],
  references: [located],
};

const program = Buffer.concat([
  goProgram({
    build: ['path\tx'],
    code: [['PROXY_IMAGE', 'quay.io/widget/proxy:v1.2.3'], ['quay.io/widget/cache:%s']],
    data: [['1.9.0'], ['1.10.0']],
  }),
  Buffer.alloc(300 * 1024),
]);

const existing = ['quay.io/widget/proxy:v1.2.3', 'quay.io/widget/cache:1.9.0'];
const answer = async (reference: string): Promise<Existence> => (existing.includes(reference) ? 'there' : 'missing');

/** Scans the operator's only layer and confirms the findings. */
async function look(ask: (reference: string) => Promise<Existence>): Promise<OperatorScanResult[]> {
  const layer = {
    digest: 'sha256:1',
    open: async () => Readable.from([tarOf([{ path: 'manager', content: program }])]),
  };
  return Promise.all(
    operatorImagesOf([chart]).map(async (subject) => {
      const { image, publishers: makers } = subject;
      const scanned = await scanImage([layer], {
        image: parseReference(image),
        publishers: makers,
        commandWords: ['/manager'],
      });
      return confirmScan(subject, scanned, ask, 2);
    }),
  );
}

test('without answers of a registry, complete names stay and incomplete ones are unresolved', async () => {
  const images = await look(async () => 'unknown');
  expect(images[0]?.candidates.map(({ reference, confirmed }) => [reference, confirmed])).toEqual([
    ['quay.io/widget/proxy:v1.2.3', undefined],
  ]);
  const { scanReport } = separateScanFindings([], images);
  expect(scanReport.open).toMatchObject([
    { file: 'manager', possible: expect.arrayContaining(['quay.io/widget/cache:1.9.0']) },
  ]);
  expect(blocksText(operatorScanReport(scanReport).notes)).toContain('quay.io/widget/cache:1.10.0');
});

test('has no notes if nothing was found, unresolved or skipped', async () => {
  const { scanReport } = separateScanFindings([], await look(async () => 'unknown'));
  expect(blocksText(operatorScanNotes(scanReport))).toContain('quay.io/widget/cache:1.10.0');
  const nothing = { ...scanReport, found: [], open: [] };
  expect(operatorScanNotes(nothing)).toEqual([]);
  const images = scanReport.images.map((image) => ({ ...image, givenUp: ['a layer'] }));
  expect(blocksText(operatorScanNotes({ ...nothing, images }))).toContain('a layer');
});

describe('scan findings', () => {
  test('are listed separately unless they are known or included', async () => {
    const images = await look(answer);
    const known: LocatedReference = {
      ...located,
      reference: existing[0] ?? '',
      how: 'operator-rule',
      confidence: 'likely',
    };
    const listed = separateScanFindings(toFindings([located, known, ...scannedReferences(images, false)]), images);
    expect(listed.scanReport.found.map(({ reference }) => reference)).toEqual([existing[1]]);
    expect(listed.findings.map(({ found }) => found.map(({ how }) => how))).toEqual([
      ['pod-spec'],
      ['operator-rule', 'inside-image'],
    ]);
    const included = separateScanFindings(toFindings([located, ...scannedReferences(images, true)]), images);
    expect(included.scanReport.found).toEqual([]);
    expect(included.findings.map(({ reference, need }) => `${need} ${reference}`)).toEqual([
      'optional quay.io/widget/cache:1.9.0',
      'install quay.io/widget/operator:v1.0.0',
      'optional quay.io/widget/proxy:v1.2.3',
    ]);
  });

  test('become rules with the settings from code and manifest', async () => {
    const images = await look(answer);
    const { scanReport } = separateScanFindings(toFindings([located, ...scannedReferences(images, false)]), images);
    const [proposed] = proposeRules(scanReport, images);
    expect(proposed?.rule.images.map(({ name, redirect, versions }) => [name, redirect, versions])).toEqual([
      ['proxy', { kind: 'env', name: 'PROXY_IMAGE' }, '1.0.0'],
      ['cache', { kind: 'env', name: 'RELATED_IMAGE_CACHE' }, '1.0.0'],
    ]);
    expect(rulesDocument(proposed === undefined ? [] : [proposed])).toMatch(/^# Rules proposed/);
    const flagged = { ...chart.operators[0], reference: located, words: ['--cache-image=x'], variables: [] };
    const [other] = proposeRules(
      scanReport,
      images.map((image) => ({ ...image, containers: [flagged] })),
    );
    expect(other?.rule.images[1]?.redirect).toEqual({ kind: 'argument', name: '--cache-image' });
  });
});
