import { expect, it } from 'vitest';
import { bundleReport } from '../../../../src/cli/reports/bundle.ts';
import { extractionReport } from '../../../../src/cli/reports/extract.ts';
import { absentReport, imagesReport, networkReport, whatIfReport } from '../../../../src/cli/reports/images.ts';
import { inspectReport } from '../../../../src/cli/reports/inspect.ts';
import { operatorScanNotes, operatorScanReport } from '../../../../src/cli/reports/operator-scan.ts';
import { pushReport } from '../../../../src/cli/reports/push.ts';
import { joinReports, type Report } from '../../../../src/cli/reports/report.ts';
import { proofReport } from '../../../../src/cli/reports/values.ts';
import { countImages } from '../../../../src/inventory/image-counts.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import type { OperatorScanReport } from '../../../../src/operator-scan/results.ts';
import type { BundleResult } from '../../../../src/workflows/bundle/pack.ts';
import type { Extraction } from '../../../../src/workflows/extract/extract.ts';
import type { ImagesResult } from '../../../../src/workflows/images/images.ts';
import type { Inspection } from '../../../../src/workflows/inspect/inspect.ts';
import type { PushResult } from '../../../../src/workflows/push/push.ts';
import type { Overrides } from '../../../../src/workflows/values/values.ts';
import { blocksText, reportText } from '../../../support/report-text.ts';

/** Whole reports, compared with files so that their wording changes on purpose only. Other tests check facts. */

const digest = (character: string): Digest => `sha256:${character.repeat(64)}`;
const golden = (name: string) => `golden/${name}.txt`;
const both = (report: Report, width?: number): string => {
  const { result, notes } = reportText(report, width);
  return `--- stdout\n${result}\n--- stderr\n${notes}\n`;
};

const location = {
  chart: 'app',
  profile: 'default',
  template: 'app/templates/web.yaml',
  document: 0,
  kind: 'Deployment',
  name: 'web',
  path: 'spec.template.spec.containers[0].image',
  how: 'pod-spec' as const,
  written: 'quay.io/team/web:1.0',
};
const finding = (reference: string, confidence: 'certain' | 'possible') => ({
  reference,
  confidence,
  need: 'install' as const,
  found: [location],
});

it('images', async () => {
  const images = [finding('quay.io/team/web:1.0', 'certain'), finding('quay.io/team/job:1.0', 'possible')];
  const searched = {
    charts: [{ name: 'app', version: '1.0.0' }],
    images,
    counts: countImages({ images, selections: [] }),
    choices: [{ rule: 'exclude', pattern: '*debug*', reason: 'not used', references: ['quay.io/team/debug:1.0'] }],
  } as unknown as ImagesResult;
  const whatIf = [{ ...finding('quay.io/team/cache:1.0', 'certain'), switches: ['cache.enabled'] }];
  const download = { url: 'https://example.org/x.tgz', kind: 'script', found: [{ ...location, values: ['plugins'] }] };
  const network = [download] as unknown as ImagesResult['network'];
  const reports = [imagesReport(searched), whatIfReport(whatIf), networkReport(network)];
  const empty = [absentReport({ missing: [], dropped: [] }), whatIfReport([]), networkReport([])];
  for (const report of empty) expect(report).toEqual({ result: [], notes: [expect.stringMatching(/./)] });
  await expect(both(joinReports([...reports, ...empty]))).toMatchFileSnapshot(golden('images'));
  await expect(both(joinReports(reports), 60)).toMatchFileSnapshot(golden('images.60'));
  await expect(both(joinReports(reports), 100)).toMatchFileSnapshot(golden('images.100'));
});

it('bundle', async () => {
  const chart = { name: 'app', version: '1.0.0' };
  const result = {
    status: 'written',
    path: 'app.tar',
    size: 123_456_789,
    blobs: 12,
    lock: { charts: [chart], images: [{}, {}] },
    missing: [],
    dropped: [],
    possible: ['quay.io/team/job:1.0'],
    counts: {
      ...{ listed: 4, imageConfigs: 1, operatorImages: 1 },
      ...{ bundled: 2, possible: 1, missing: 1, unchecked: 2, excluded: 3 },
    },
    unanswered: [{ registry: 'quay.io', images: ['quay.io/team/web:1.0'], reason: 'answers 500' }],
    fetched: 100_000_000,
    reused: 0,
    resumed: 23_456_789,
  };
  await expect(both(bundleReport(result as unknown as BundleResult))).toMatchFileSnapshot(golden('bundle'));
});

it('inspect', async () => {
  const descriptor = { digest: digest('2'), artifactType: 'application/vnd.cyclonedx+json' };
  const image = {
    reference: 'quay.io/team/web:1.0',
    digest: digest('1'),
    bytes: 45_000_000,
    platforms: ['linux/amd64', 'linux/arm64'],
    found: [location],
    referrers: [{ ...descriptor, subject: digest('1') }],
  };
  const chart = { name: 'app', version: '1.0.0', digest: digest('3'), source: 'oci://quay.io/charts/app' };
  const inspection = {
    file: 'app.tar',
    size: 123_456_789,
    blobs: 12,
    charts: [chart],
    images: [image],
    lockDigest: digest('4'),
    signatures: [{ fingerprint: digest('5') }],
    lock: { charts: [{ ...chart, profiles: [{ name: 'default' }] }], images: [image] },
  };
  const blocks = inspectReport(inspection as unknown as Inspection);
  await expect(blocksText(blocks)).toMatchFileSnapshot(golden('inspect'));
  await expect(blocksText(blocks, 60)).toMatchFileSnapshot(golden('inspect.60'));
});

it('push', async () => {
  const target = parseReference('r.example/m/quay.io/team/web:1.0');
  const result = {
    target: 'r.example/m',
    images: [{ target, digest: digest('1'), status: 'pushed' }],
    charts: [],
    referrers: { pushed: 1, present: 1 },
    created: ['m/quay.io/team/web'],
    onPush: ['a', 'b'],
    reconciled: [],
    blobs: { stored: 3, mounted: 1, present: 2 },
    bytes: 45_000_000,
    retired: [{ ...target, tag: '0.9', digest: digest('6') }],
  };
  const report = pushReport(result as unknown as PushResult);
  const nothing = pushReport({ ...result, retired: [] } as unknown as PushResult);
  expect(reportText(nothing).result.split('\n')).toHaveLength(4);
  await expect(both(report)).toMatchFileSnapshot(golden('push'));
  await expect(both(report, 60)).toMatchFileSnapshot(golden('push.60'));
});

it('values', async () => {
  const reference = 'quay.io/team/agent:1.0';
  const unmapped = { reference, template: 'app/templates/agent.yaml', path: 'spec.image', written: reference };
  const result = {
    chart: 'app',
    version: '1.0.0',
    profile: 'default',
    proof: {
      references: 3,
      rewritten: 2,
      residue: [unmapped],
      injected: [{ name: 'AGENT_IMAGE', value: 'r.example/m/agent:1.0' }],
      withoutPullSecret: [{ kind: 'Job', name: 'init', template: 'app/templates/job.yaml' }],
      pins: { pinned: 1, pinnable: 2, left: [{ ...unmapped, path: 'spec.sidecar' }] },
    },
    copied: ['config'],
    notInBundle: ['quay.io/team/extra:1.0'],
  };
  await expect(proofReport(result as unknown as Overrides, true)).toMatchFileSnapshot(golden('values'));
});

it('extract', async () => {
  const result = { status: 'written', type: 'image', name: 'quay.io/team/web:1.0', digest: digest('1'), referrers: 2 };
  const files = [{ path: 'web.tar', bytes: 45_000_000 }];
  const report = extractionReport({ ...result, files } as unknown as Extraction);
  expect(extractionReport({ ...result, files, referrers: 0 } as unknown as Extraction).notes).toEqual([]);
  await expect(both(report)).toMatchFileSnapshot(golden('extract'));
});

it('operator image scan', async () => {
  const found = {
    reference: 'quay.io/team/agent:1.0',
    confidence: 'medium',
    confirmed: true,
    evidence: 'a name with a tag',
    file: 'manager',
    image: 'quay.io/team/operator:1.0',
  };
  const images = [{ image: 'quay.io/team/operator:1.0', givenUp: ['a layer of 3 GB'], older: 2, asked: 1 }];
  const scan = { found: [found], open: [], images } as unknown as OperatorScanReport;
  expect(blocksText(operatorScanNotes({ ...scan, found: [] }))).toContain('a layer of 3 GB');
  await expect(both(operatorScanReport(scan))).toMatchFileSnapshot(golden('operator-scan'));
});
