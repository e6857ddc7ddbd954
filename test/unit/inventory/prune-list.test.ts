import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatPruneList, type PruneEntry, pruneListSchema } from '../../../src/inventory/prune-list.ts';

const D = `sha256:${'a'.repeat(64)}` as const;
const entry: PruneEntry = { repository: 'r.example/m/app', tag: '1.0', digest: D, size: 3, reason: 'unused' };
const list = { target: 'r.example/m', created: '2026-01-01T00:00:00.000Z', entries: [entry] };

describe('a list', () => {
  it('reads as it was written, with tags that look like numbers, one entry a line', () => {
    const entries = [entry, { ...entry, tag: 'no' }, { ...entry, tag: undefined, reason: 'part' as const, of: D }];
    const text = formatPruneList({ ...list, entries: entries as PruneEntry[] });
    expect(text.split('\n').filter((line) => line.includes('repository:'))).toHaveLength(3);
    expect(pruneListSchema.parse(parse(text))).toMatchObject({ ...list, entries: JSON.parse(JSON.stringify(entries)) });
  });

  it.each([
    ['an entry of another registry', { repository: 'other.example/m/app' }],
    ['an entry outside of the prefix', { repository: 'r.example/other/app' }],
    ['an entry beside the prefix', { repository: 'r.example/m2/app' }],
    ['a path that leaves the prefix', { repository: 'r.example/m/../app' }],
    ['a short name', { repository: 'app' }],
    ['a tag that is a flag', { tag: '--all' }],
    ['a tag with a path', { tag: '../../blobs' }],
    ['a short digest', { digest: 'sha256:abc' }],
    ['an unknown field', { force: true }],
    ['a negative size', { size: -1 }],
  ])('with %s is refused', (_, change) => {
    const document = { apiVersion: 'airgap/v1', kind: 'PruneList', ...list };
    expect(pruneListSchema.safeParse(document).success).toBe(true);
    expect(pruneListSchema.safeParse({ ...document, entries: [{ ...entry, ...change }] }).success).toBe(false);
  });

  it('of a chart prefix may name repositories below it', () => {
    const chart = { ...entry, repository: 'r.example/helm/shop' };
    const document = { apiVersion: 'airgap/v1', kind: 'PruneList', ...list, entries: [chart] };
    expect(pruneListSchema.safeParse(document).success).toBe(false);
    expect(pruneListSchema.safeParse({ ...document, chartPrefix: 'helm' }).success).toBe(true);
  });

  it('of a newer version or another kind has one problem', () => {
    for (const change of [{ apiVersion: 'airgap/v2' }, { kind: 'MirrorPlan' }]) {
      const { error } = pruneListSchema.safeParse({ apiVersion: 'airgap/v1', kind: 'PruneList', extra: 1, ...change });
      expect(error?.issues).toHaveLength(1);
    }
  });
});
