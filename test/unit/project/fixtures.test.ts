import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { upstreamImage } from '../../support/upstream.ts';

test('the shop chart pins the digest of the synthetic image', () => {
  const values = readFileSync(join(import.meta.dirname, '../../../fixtures/charts/shop/values.yaml'), 'utf8');
  const [, digest] = /digest: (sha256:\w+)/.exec(values) ?? [];
  expect(upstreamImage(`registry.example/shop/migrate@${digest}`).digest).toBe(digest);
});
