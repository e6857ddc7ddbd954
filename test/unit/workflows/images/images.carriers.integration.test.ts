import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../../src/inventory/finding.ts';
import { images } from '../../../../src/workflows/images/images.ts';
import { CHARTS } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const CHART = join(CHARTS, 'carriers');

/** Returns every image name below a folder in the chart's files, so that the chart itself defines the expected result. */
async function namesBelow(folder: string): Promise<string[]> {
  const files = await readdir(CHART, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  const names = texts.flatMap((text) => [...text.matchAll(new RegExp(`${folder}/([a-z][a-z0-9-]*)`, 'g'))]);
  return [...new Set(names.map((match) => match[1] ?? ''))].sort();
}

describe.each(HELMS)('under Helm $version', (helm) => {
  it.skipIf(helm.path === undefined)('every form of a reference is found, and no lookalike', async () => {
    const scratch = scratchFolder();
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch };
    const charts = [{ request: { chart: CHART }, profiles: [{ name: 'default', options: {} }] }];
    const found = (await images({ env, cwd: CHARTS, emit: () => {} }, { charts, add: [] })).images;
    const names = (folder: string, isMatching: (finding: Finding) => boolean): string[] => {
      const matches = found
        .filter(isMatching)
        .map(({ reference }) => new RegExp(`${folder}/([a-z0-9-]+)`).exec(reference));
      return [...new Set(matches.flatMap((match) => match?.[1] ?? []))].sort();
    };
    const isSelected = ({ confidence }: Finding): boolean => confidence !== 'possible';

    // The paths of two are composed of two fields.
    const carried = [...(await namesBelow('carried')), 'inherited-hub', 'repository-image-version'].sort();
    expect(carried.length).toBeGreaterThan(50);
    expect(names('carried', isSelected)).toEqual(carried);
    expect(names('maybe', () => true)).toEqual(await namesBelow('maybe'));
    expect(found.filter(({ reference }) => /lookalike/.test(reference))).toEqual([]);
    expect(found.filter(({ reference }) => !/carried|maybe/.test(reference))).toEqual([]);
  });
});
