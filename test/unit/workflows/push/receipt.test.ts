import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { readReceipt } from '../../../../src/workflows/push/read-receipt.ts';
import { createReceipt } from '../../../../src/workflows/push/receipt.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const digest = digestOf(Buffer.from('x'));
const repository = { registry: 'quay.io', path: 'a' };
const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 };
const receipt = createReceipt({
  target: 'r.example/m',
  naming: 'path',
  bundles: [{ path: '/somewhere/platform.tar', size: 5, inventoryDigest: digest }],
  outcomes: [
    {
      reference: parseReference('quay.io/a:1'),
      target: parseReference(`r.example/m/a:1@${digest}`),
      digest,
      status: 'pushed',
    },
    {
      reference: parseReference('quay.io/b:1'),
      target: parseReference(`r.example/m/b:1@${digest}`),
      digest,
      status: 'present',
    },
  ],
  referrers: [
    {
      referrer: { repository, subject: digest, descriptor, artifactType: '', tag: `sha256-${'1'.repeat(64)}.sig` },
      repository: { registry: 'r.example', path: 'm/a' },
      via: 'cosign-tag',
      digest,
      status: 'pushed',
      at: new Date('2026-01-02T03:04:07.000Z'),
    },
    {
      referrer: { repository, subject: digest, descriptor, artifactType: 'application/spdx+json' },
      repository: { registry: 'r.example', path: 'm/a' },
      via: 'referrers-api',
      digest,
      status: 'refused',
      at: new Date('2026-01-02T03:04:07.000Z'),
      error: new AirgapError('unsupported', 'answers 405'),
    },
  ],
  bytes: 7,
  started: new Date('2026-01-02T03:04:05.000Z'),
  finished: new Date('2026-01-02T03:04:07.500Z'),
  written: new Map([['quay.io/a:1', new Date('2026-01-02T03:04:06.000Z')]]),
});

it('contains tags, digests and times, and no local paths', () => {
  expect(receipt).toEqual({
    apiVersion: 'airgap/v1',
    kind: 'Receipt',
    target: 'r.example/m',
    naming: 'path',
    bundles: [{ file: 'platform.tar', size: 5, lock: digest }],
    started: '2026-01-02T03:04:05.000Z',
    finished: '2026-01-02T03:04:07.500Z',
    seconds: 2.5,
    bytes: 7,
    counts: { items: 2, referrers: 2 },
    items: [
      { source: 'quay.io/a:1', target: 'r.example/m/a:1', digest, status: 'pushed', at: '2026-01-02T03:04:06.000Z' },
      { source: 'quay.io/b:1', target: 'r.example/m/b:1', digest, status: 'present', at: '2026-01-02T03:04:05.000Z' },
    ],
    referrers: [
      {
        kind: 'signature',
        repository: 'r.example/m/a',
        subject: digest,
        tag: `sha256-${'1'.repeat(64)}.sig`,
        digest,
        via: 'cosign-tag',
        status: 'pushed',
        at: '2026-01-02T03:04:07.000Z',
      },
      {
        kind: 'application/spdx+json',
        repository: 'r.example/m/a',
        subject: digest,
        digest,
        via: 'referrers-api',
        status: 'refused',
        at: '2026-01-02T03:04:07.000Z',
        reason: 'answers 405',
      },
    ],
  });
});

it('is read back unchanged, and rejected when invalid or truncated', async () => {
  const file = join(scratchFolder(), 'receipt.json');
  await writeFile(file, JSON.stringify(receipt));
  expect(await readReceipt(file)).toEqual(receipt);
  const { referrers: _, counts: __, ...before } = receipt;
  await writeFile(file, JSON.stringify(before));
  expect(await readReceipt(file), 'one that was written before receipts had them').toEqual({
    ...before,
    referrers: [],
  });
  await writeFile(file, JSON.stringify({ ...receipt, items: [{ ...receipt.items[0], digest: 'sha256:0' }] }));
  await expect(readReceipt(file)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining('items.0.digest'),
  });
  for (const less of [{ items: [] }, { items: receipt.items.slice(1) }, { referrers: [] }, { ...before, items: [] }]) {
    await writeFile(file, JSON.stringify({ ...receipt, ...less }));
    await expect(readReceipt(file), Object.keys(less).join()).rejects.toMatchObject({ code: 'config' });
  }
  await writeFile(file, 'x');
  await expect(readReceipt(file)).rejects.toMatchObject({ code: 'config' });
  await expect(readReceipt(`${file}x`)).rejects.toMatchObject({ code: 'file' });
});
