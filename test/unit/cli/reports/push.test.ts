import { expect, it } from 'vitest';
import { planReport } from '../../../../src/cli/reports/push.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import type { PushPlan } from '../../../../src/workflows/push/plan-push.ts';

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
  const text = planReport(plan);
  expect(text).toMatch(/^r\.example\/m\/a:1 +sha256:111111111111 +send$/m);
  expect(text).toMatch(/1 tag .*2 blobs .*\(3\.0 kB\)/);
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
  await expect(planReport({ ...plan, referrers })).toMatchFileSnapshot('golden/push-plan.txt');
});
