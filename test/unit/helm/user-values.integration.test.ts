import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { Helm } from '../../../src/helm/helm.ts';
import { userValues } from '../../../src/helm/user-values.ts';
import { HELMS } from '../../support/helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

describe.for(HELMS)('the values of a user, with Helm $version', ({ path }) => {
  const test = it.skipIf(path === undefined);
  const read = async (options: Parameters<typeof userValues>[1], folder = scratchFolder()) =>
    userValues(
      new Helm({ env: { PATH: process.env.PATH, HELM_BIN: path }, cwd: folder, emit: ignoreEvents }),
      options,
      folder,
    );

  test('are those of files and flags, as Helm merges them', async () => {
    const folder = scratchFolder();
    await writeFile(join(folder, 'a.yaml'), 'image: {tag: "1", registry: r}\nlist: [1, 2]\n');
    await writeFile(join(folder, 'b.yaml'), 'image: {tag: "2"}\nlist: [3]\n');
    const values = ['a.yaml', 'b.yaml'].map((name) => join(folder, name));
    const given = await read({ values, set: ['x.y=1'], setString: ['z=2'], kubeVersion: '1.35.0' }, folder);
    expect(given).toMatchObject({ image: { tag: '2', registry: 'r' }, list: [3], x: { y: 1 }, z: '2' });
  });

  test('are none without any', async () => {
    expect(Object.keys(await read({})).filter((key) => key !== 'global')).toEqual([]);
  });
});
