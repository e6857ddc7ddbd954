import { expect, it } from 'vitest';
import { diffMarkdown, diffReport } from '../../../../src/cli/reports/diff.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import type { Diff } from '../../../../src/workflows/inspect/diff.ts';

const [one, two] = [digestOf(Buffer.from('1')), digestOf(Buffer.from('2'))];
const [first, second] = [one.slice(0, 19), two.slice(0, 19)];

const none: Diff = {
  old: { file: 'old.tar', size: 3000 },
  new: { file: 'new.tar', size: 4000 },
  charts: { added: [], removed: [], changed: [] },
  images: { added: [], removed: [], retagged: [], moved: [] },
  referrers: { added: [], removed: [] },
  tools: { added: [], removed: [], changed: [] },
  carry: { blobs: 0, bytes: 0 },
  shared: { blobs: 12, bytes: 2500 },
};

const much: Diff = {
  ...none,
  charts: {
    added: [{ name: 'a', version: '1', digest: one }],
    removed: [],
    changed: [
      { name: 'b', from: { version: '1', digest: one }, to: { version: '2', digest: two } },
      { name: 'c', from: { version: '1', digest: one }, to: { version: '1', digest: two } },
    ],
  },
  images: {
    added: [],
    removed: [{ reference: 'r.example/x:1', digest: one }],
    retagged: [
      { from: { reference: 'r.example:5000/w:1', digest: one }, to: { reference: 'r.example:5000/w:2', digest: two } },
      { from: { reference: 'r.example/v:1', digest: one }, to: { reference: `r.example/v:2@${two}`, digest: two } },
    ],
    moved: [
      { reference: 'r.example/y:1', from: one, to: two, because: 'content' },
      { reference: 'r.example/z:1', from: one, to: two, because: 'platforms' },
    ],
  },
  carry: { blobs: 1, bytes: 1234 },
};

it('has no groups for equal bundles, and shows the content to transfer', () => {
  const [head, toTransfer, shared, ...more] = diffReport(none).split('\n');
  expect(head).toMatch(/new\.tar.*old\.tar/);
  expect(toTransfer).toContain('0 B in 0 blobs');
  expect(shared).toContain('2.5 kB in 12 blobs');
  expect(more).toEqual([]);
  expect(diffMarkdown(none)).not.toMatch(/###|\|/);
});

it('groups the differences by kind, without empty groups', async () => {
  await expect(diffReport(much)).toMatchFileSnapshot('golden/diff.txt');
  const text = diffReport({
    ...none,
    referrers: { added: [{ of: 'r.example/x:1', kind: 'signature', digest: two }], removed: [] },
  });
  expect(text).toContain(`r.example/x:1: signature (${second})`);
  expect(text).not.toContain('charts added');
});

it('formats a Markdown table for each group, which no name can break out of', async () => {
  const text = diffMarkdown({
    ...much,
    charts: { ...none.charts, added: [{ name: 'a|b`c\nd', version: '1', digest: one }] },
  });
  expect(text).toContain(`| \`a\\|b'c d 1\` |  | \`${first}\` |`);
  expect(text).toContain(`| \`r.example/x:1\` | \`${first}\` |  |`);
  expect(text).toMatch(/`old\.tar` \(3\.0 kB\).*`new\.tar` \(4\.0 kB\)/);
  expect(text.split('\n').at(-1)).toMatch(/1\.2 kB in 1 blob;.*2\.5 kB in 12 blobs/);
  await expect(text).toMatchFileSnapshot('golden/diff.md');
});
