import { expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { diffMarkdown, diffReport } from '../../../src/ui/diff.ts';
import type { Diff } from '../../../src/workflows/diff.ts';

const [one, two] = [digestOf(Buffer.from('1')), digestOf(Buffer.from('2'))];
const [first, second] = [one.slice(0, 19), two.slice(0, 19)];

const none: Diff = {
  old: { file: 'old.tar', size: 3000 },
  new: { file: 'new.tar', size: 4000 },
  charts: { added: [], removed: [], changed: [] },
  images: { added: [], removed: [], retagged: [], moved: [] },
  referrers: { added: [], removed: [] },
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

it('says that nothing is different, and what it would be to carry', () => {
  expect(diffReport(none)).toBe(
    'new.tar has the charts and images of old.tar\nto carry: 0 B in 0 blobs; shared: 2.5 kB in 12 blobs',
  );
  expect(diffMarkdown(none)).toContain('No chart and no image is different.');
});

it('groups what is different, and leaves out groups with nothing in them', () => {
  expect(diffReport(much)).toBe(`charts added:
  a 1 (${first})
charts changed:
  b: 1 → 2
  c 1: ${first} → ${second}
images removed:
  r.example/x:1 (${first})
images in another version:
  r.example:5000/w: 1 → 2
  r.example/v: 1 → 2@${two}
images moved under their name:
  r.example/y:1: ${first} → ${second}
images with other platforms:
  r.example/z:1: ${first} → ${second}
to carry: 1.2 kB in 1 blob; shared: 2.5 kB in 12 blobs`);
});

it('is a table for each group in Markdown, which no name can break out of', () => {
  const text = diffMarkdown({
    ...much,
    charts: { ...none.charts, added: [{ name: 'a|b`c\nd', version: '1', digest: one }] },
  });
  expect(text).toContain(`### Charts added

| | from | to |
|---|---|---|
| \`a\\|b'c d 1\` |  | \`${first}\` |

### Images removed

| | from | to |
|---|---|---|
| \`r.example/x:1\` | \`${first}\` |  |`);
  expect(text).toContain('From `old.tar` (3.0 kB) to `new.tar` (4.0 kB).');
  expect(text.endsWith('Content to carry: 1.2 kB in 1 blob; shared: 2.5 kB in 12 blobs.')).toBe(true);
});
