import { expect, test } from 'vitest';
import { airgap } from '../../../support/terminal.ts';

test('--explain needs no chart and no Helm', async () => {
  const { code, out } = await airgap(['images', '--explain', 'redis:6379', '-o', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    apiVersion: 'airgap/v1',
    kind: 'Explanation',
    text: 'redis:6379',
    charts: [],
    bare: { verdicts: [{ evidence: 'typed', taken: true }, {}, {}, { evidence: 'none', taken: false }] },
  });
});

test('--why explains images added by name', async () => {
  const { code, out } = await airgap(['images', '--image', 'nginx', '--why', 'nginx']);
  expect(code).toBe(0);
  expect(out).toMatch(/^docker.io\/library\/nginx:latest\n/);
  const asJson = await airgap(['images', '--image', 'nginx', '--why', 'nginx', '-o', 'json']);
  expect(JSON.parse(asJson.out)).toMatchObject({ kind: 'Why', images: [{ found: [{ how: 'added' }] }] });
});

test('--why of an unknown image exits with 1 and refers to --explain', async () => {
  const { code, out, err } = await airgap(['images', '--image', 'quay.io/a/nginx:1', '--why', 'nginx:2']);
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^Hint: .*quay\.io\/a\/nginx:1.*--explain 'nginx:2'/m);
});

test.each([
  [['--why', 'a', '--explain', 'a'], /--why .*--explain/],
  [['--explain', 'a', '-o', 'txt'], /--explain .*txt/],
  [['--explain', ''], /--explain '/],
  [['--why', 'a'], /helm airgap images CHART/],
])('%j is wrong usage', async (flags, message) => {
  const { code, err } = await airgap(['images', ...flags]);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});
