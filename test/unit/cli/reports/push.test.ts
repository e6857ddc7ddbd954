import { expect, it } from 'vitest';
import { planReport } from '../../../../src/cli/reports/push.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import type { PushPlan } from '../../../../src/workflows/push/plan-push.ts';
import { blocksText } from '../../../support/report-text.ts';

const digest = (character: string): Digest => `sha256:${character.repeat(64)}`;
const repository = { registry: 'r.example', path: 'm/a' };
const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digest('2'), size: 1 };
const plan: PushPlan = {
  target: 'r.example/m',
  naming: 'host-path',
  items: [
    {
      reference: parseReference('quay.io/a:1'),
      target: parseReference(`r.example/m/a:1@${digest('1')}`),
      status: 'send',
    },
  ],
  blobs: 2,
  bytes: 3000,
  present: 1,
  referrers: { items: [], blobs: 0, bytes: 0 },
};

it('has no referrers if there are none', () => {
  const text = blocksText(planReport(plan));
  expect(text).toMatch(/^r\.example\/m\/a:1 +sha256:111111111111 +send$/m);
  expect(text).toMatch(/^r\.example\/m: 1 tag .*\n2 blobs .*\(3\.0 kB\)/m);
  expect(text.toLowerCase()).not.toContain('referrer');
});

it('lists the referrers to upload, present and kept, with bytes', async () => {
  const one = { repository, referrer: { repository, subject: digest('1'), descriptor, artifactType: 'a/sbom' } };
  const tagged = { ...one, referrer: { ...one.referrer, tag: 'sha256-1.sig' } };
  const referrers: PushPlan['referrers'] = {
    items: [
      { ...one, status: 'send', via: 'referrers-api' },
      { ...one, status: 'present', via: 'referrers-api' },
      { ...tagged, status: 'keep', via: 'cosign-tag', found: digest('3') },
    ],
    blobs: 1,
    bytes: 700,
  };
  await expect(blocksText(planReport({ ...plan, referrers }))).toMatchFileSnapshot('golden/push-plan.txt');
});

it('names the target before its tables, if there are several', () => {
  expect(blocksText(planReport(plan, true))).toMatch(/^r\.example\/m:\n\n/);
  expect(blocksText(planReport(plan, true)).match(/r\.example\/m:/g)).toHaveLength(1);
});

it('lists some of the missing repositories, and says where all of them are', () => {
  const missing = Array.from({ length: 200 }, (_, i) => `m/${i}`);
  const text = blocksText(planReport({ ...plan, repositories: { missing, onPush: ['m/x'], existing: [] } }));
  expect(text.split('\n').length).toBeLessThan(25);
  expect(text).toMatch(/200 to create/);
  expect(text).toMatch(/and 190 more to create .*-o json/);
  expect(text).toContain('created on push: m/x');
});
