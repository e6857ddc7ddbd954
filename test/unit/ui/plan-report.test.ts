import { expect, it } from 'vitest';
import type { Digest } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { planReport } from '../../../src/ui/plan-report.ts';
import type { PushPlan } from '../../../src/workflows/pushing/plan-push.ts';

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

it('a plan says nothing of signatures where there are none', () => {
  expect(planReport(plan).split('\n')).toEqual([
    'WOULD PUSH       DIGEST               STATUS',
    'r.example/m/a:1  sha256:111111111111  send',
    '',
    'r.example/m: 1 tag to write, 0 to leave; 2 blobs to send (3.0 kB), 1 there',
  ]);
});

it('a plan says which signatures and the like go, are there, or stay as they are, with bytes', () => {
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
  const lines = planReport({ ...plan, referrers }).split('\n');
  const to = 'r.example/m/a@sha256:111111111111';
  expect(lines.slice(3)).toEqual([
    'BELONGING  DIGEST               TO                                 STATUS',
    `a/sbom     sha256:222222222222  ${to}  send`,
    `a/sbom     sha256:222222222222  ${to}  present`,
    `signature  sha256:222222222222  ${to}  keep (is sha256:333333333333)`,
    '',
    'r.example/m: 1 tag to write, 0 to leave; 2 blobs to send (3.0 kB), 1 there',
    'signatures and the like: 1 to send with 1 blob (700 B), 1 there, 1 to leave',
  ]);
});
