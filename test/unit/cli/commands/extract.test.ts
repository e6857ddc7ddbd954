import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { registry, write } from '../../../support/bundles.ts';
import { noise } from '../../../support/memory-registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

async function bundled(): Promise<{ file: string; out: string }> {
  const dir = scratchFolder();
  const file = join(dir, 'bundle.tar');
  await write(file, registry());
  return { file, out: join(dir, 'out') };
}

it('extract prints the written file, as text and as JSON', async () => {
  const { file, out } = await bundled();
  const ended = await airgap(['extract', file, '--chart', 'demo', '--out', out]);
  expect(ended.code).toBe(0);
  expect(ended.err).toMatch(/^next: helm show chart \S+\n$/);
  for (const fact of [out, '700 B', 'written', 'demo@1.2.3+b', 'sha256:']) expect(ended.out).toContain(fact);
  expect(await readFile(out)).toEqual(noise('chart', 700));
  const printed = await airgap(['extract', file, '--image', 'b', '--out', `${out}.tar`, '-o', 'json']);
  expect(JSON.parse(printed.out)).toMatchObject({
    apiVersion: 'airgap/v1',
    kind: 'Extraction',
    type: 'image',
    name: 'docker.io/library/b:2',
    files: [{ path: `${out}.tar` }],
  });
});

it('extract overwrites another file only with --force', async () => {
  const { file, out } = await bundled();
  await airgap(['extract', file, '--chart', 'demo', '--out', out]);
  const image = ['extract', file, '--image', 'b', '--out', out];
  expect(await airgap(image)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/\nHint: .*--force/),
  });
  expect(await airgap([...image, '--force'])).toMatchObject({ code: 0 });
  expect(await airgap(image)).toMatchObject({ code: 0, out: expect.stringContaining('up to date') });
});

it('inspect prints the bill of materials of a bundle, and refuses an archive without an inventory', async () => {
  const { file, out } = await bundled();
  const { code, out: printed } = await airgap(['inspect', file, '-o', 'cyclonedx']);
  expect(code).toBe(0);
  const bill = JSON.parse(printed) as { components: { 'bom-ref': string }[] };
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
  expect(bill.components.map((component) => component['bom-ref'])).toEqual([
    'chart:demo@1.2.3+b',
    'image:docker.io/library/b:2',
    'image:quay.io/a:1',
    'image:quay.io/multi:3',
  ]);
  await airgap(['extract', file, '--image', 'b', '--out', out]);
  expect(await airgap(['inspect', out, '-o', 'cyclonedx'])).toMatchObject({
    code: 1,
    err: expect.stringMatching(new RegExp(`^Error: ${out} .*\nHint: .*cyclonedx`)),
  });
});
