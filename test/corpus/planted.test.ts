import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { formatTarget } from '../../src/naming/naming.ts';
import { values } from '../../src/workflows/values/values.ts';
import { readCorpus } from '../support/corpus.ts';
import { plant, plantedHost, SHAPES, stateOf } from '../support/planted.ts';
import { scratchFolder } from '../support/scratch.ts';
import { contextIn, newest, target } from './derive.ts';

/** Real charts in which images are planted: each of 200 must end in a state that is said, or be private. */

const CHARTS = 10;
// Distinct charts, some large and some small.
const corpus = readCorpus();
const charts = corpus.filter((_, i) => i % Math.max(1, Math.floor(corpus.length / CHARTS)) === 0).slice(0, CHARTS);
const helm = newest?.path ?? '';

test('200 images are planted', () => {
  expect(charts.length * SHAPES.length).toBe(200);
  expect(SHAPES.filter(({ isKnown }) => !isKnown)).toHaveLength(SHAPES.length / 2);
});

for (const [i, { name, archive, render, flags }] of charts.entries()) {
  test(`${name}: no planted image stays public in silence`, { timeout: 120_000 }, async () => {
    const folder = scratchFolder();
    await execa('tar', ['xzf', archive, '-C', folder]);
    const [chart = ''] = (await execa('ls', [folder])).stdout.split('\n');
    const path = join(folder, chart);
    await plant(path, i * SHAPES.length);
    const context = contextIn(folder, helm);
    const [result] = await values(context, { request: { chart: path }, bundle: undefined, target, render });
    const file = join(folder, 'overrides.json');
    await writeFile(file, JSON.stringify(result?.overrides));
    const { stdout } = await execa(helm, ['template', render.releaseName, path, ...flags, '-f', file], {
      env: context.env,
      extendEnv: false,
    });
    const states = SHAPES.map((shape, number) => {
      const host = plantedHost(i * SHAPES.length + number);
      expect(stdout.includes(host) || shape.name === 'secret' || shape.name.includes('values'), shape.name).toBe(true);
      return [shape.name, stateOf(host, result?.proof ?? {}, stdout, formatTarget(target))];
    });
    expect(states.filter(([, state]) => state === 'silent')).toEqual([]);
    expect(Object.fromEntries(states)).toMatchObject({ values: 'private', 'prefix of values': 'private' });
  });
}
