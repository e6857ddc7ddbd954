import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { readCorpus, trueLocations } from '../../support/corpus.ts';
import { scratchFolder } from '../../support/scratch.ts';

let folder: string;
beforeEach(() => {
  folder = scratchFolder();
});

const image = { ref: 'nginx', normalized: 'docker.io/library/nginx:latest', how: 'image-field' };

/** A corpus with one chart, `shop-1.0.0.tgz`. */
function put(truth: object): void {
  writeFileSync(join(folder, 'truth.json'), JSON.stringify({ 'shop-1.0.0.tgz': { flags: [], images: [], ...truth } }));
  writeFileSync(join(folder, 'shop-1.0.0.tgz'), '');
}

test('a folder without truth has no charts, and charts without an archive are omitted', () => {
  expect(readCorpus(folder)).toEqual([]);
  put({});
  rmSync(join(folder, 'shop-1.0.0.tgz'));
  expect(readCorpus(folder)).toEqual([]);
});

test("Helm's flags become options and flags, values files relative to the truth", () => {
  put({ flags: ['-f', 'shop.values.yaml', '--skip-schema-validation', '--api-versions', 'x/v1', '--set', 'a=b'] });
  const [chart] = readCorpus(folder);
  const values = join(folder, 'shop.values.yaml');
  expect(chart?.render).toEqual({
    releaseName: 'rel',
    values: [values],
    set: ['a=b'],
    apiVersions: ['x/v1'],
    kubeVersion: '1.35.0',
    skipSchemaValidation: true,
  });
  expect(chart?.flags.slice(0, 4)).toEqual(['--kube-version', '1.35.0', '-f', values]);
});

test("the truth's own Kubernetes version wins, and an unknown flag is an error", () => {
  put({ flags: ['--kube-version', '1.30.0'] });
  expect(readCorpus(folder)[0]?.flags).toEqual(['--kube-version', '1.30.0']);
  put({ flags: ['--wait'] });
  expect(() => readCorpus(folder)).toThrow('--wait');
});

test('ambiguous entries are normalised, and traps of all kinds are listed', () => {
  put({ ambiguous: ['nginx', { string: 'redis:7' }], traps: [{ string: 'a:1' }], traps_auto: [{ string: 'b:2' }] });
  expect(readCorpus(folder)[0]).toMatchObject({
    ambiguous: ['docker.io/library/nginx:latest', 'docker.io/library/redis:7'],
    traps: ['a:1', 'b:2'],
  });
});

test('locations of the truth are those of this archive, or its note', () => {
  put({ images: [image] });
  mkdirSync(join(folder, 'truth'));
  const where = (archive: string, more: string): string =>
    `chart: shop\ntgz: ${archive}\nimages:\n- normalized: ${image.normalized}\n${more}`;
  writeFileSync(join(folder, 'truth/a.yaml'), where('shop-1.0.0.tgz', '  where: [Pod/a]\n'));
  writeFileSync(join(folder, 'truth/b.yaml'), where('shop-2.0.0.tgz', '  where: [Pod/b]\n'));
  writeFileSync(join(folder, 'truth/c.yaml'), where('shop-1.0.0.tgz', '  where: []\n  note: compiled in\n'));
  const [chart] = readCorpus(folder);
  expect(chart && trueLocations(chart).get(image.normalized)).toEqual(['Pod/a', 'compiled in']);
});
