import { expect, test } from 'vitest';
import { imageStreamsReport } from '../../../../src/cli/reports/image-streams.ts';
import { layOut } from '../../../../src/cli/reports/layout.ts';
import type { ImageStreamPlan } from '../../../../src/workflows/image-streams/plan.ts';

const common = { namespace: 'shop', path: 'status.tags[0]', file: 'a.yaml, document 1' };
const PLAN: ImageStreamPlan = {
  registry: { internal: ['registry.svc:5000'] },
  counts: {
    tags: 2,
    moved: 1,
    older: 3,
    classes: { built: 1, pushed: 0, mirrored: 0, public: 1, platform: 0, empty: 0 },
  },
  tags: [
    { ...common, name: 'shop/web:1', class: 'built', why: 'BuildConfig shop/web\nwrites it', moved: true, older: 3 },
    { ...common, name: 'shop/redis:7', class: 'public', why: 'imported', moved: false },
  ],
  streams: ['shop/web'],
  addresses: { internal: ['registry.svc:5000'], routes: [] },
  platformUploads: ['openshift/golden:9'],
};

test('each tag is one row; notes count what is left out, and say which flag takes it', () => {
  const { result, notes } = imageStreamsReport(PLAN, { includePublic: false, includePlatform: false });
  expect(layOut(result, undefined).split('\n')).toEqual([
    expect.stringMatching(/^TAG +CLASS +MOVE +WHY$/),
    expect.stringMatching(/^shop\/web:1 +built inside +yes +BuildConfig shop\/web\\nwrites it; 3 earlier images$/),
    expect.stringMatching(/^shop\/redis:7 +public +no +imported$/),
  ]);
  const text = layOut(notes, undefined);
  for (const fact of [
    '2 tags: built inside 1, public 1',
    '1 to move',
    '--registry-route',
    '--include-public',
    'openshift/golden:9',
    '3 earlier images',
  ])
    expect(text).toContain(fact);
  const all = imageStreamsReport(PLAN, { includePublic: true, includePlatform: true });
  expect(layOut(all.notes, undefined)).not.toContain('--include-');
});
