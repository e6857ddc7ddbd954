import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../src/naming/naming.ts';
import { values } from '../../../src/workflows/values/values.ts';
import { CHART_SHAPES } from '../../support/chart-shapes.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { helmIn } from '../../support/isolated-helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

const target = parseTarget('ecr.example:5000/m', 'host-path');

describe.for(HELMS)('overrides with Helm $version', (helm) => {
  it.skipIf(helm.path === undefined).for(CHART_SHAPES)(
    'move every reference or report it: $name',
    async ({ files, unmapped = [], setPaths }) => {
      const scratch = scratchFolder();
      const chart = await writeFiles(join(scratch, 'shape'), { 'Chart.yaml': chartYaml('shape'), ...files });
      const context = {
        env: { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch },
        cwd: scratch,
        emit: () => undefined,
      };
      const [result] = await values(context, { request: { chart }, bundle: undefined, target, render: {} });
      const { overrides = {}, proof, yaml = '' } = result ?? {};
      expect(proof?.residue.map(({ reference }) => reference)).toEqual(unmapped);
      if (setPaths !== undefined) expect(pathsOf(overrides)).toEqual(setPaths);
      const file = join(scratch, 'overrides.yaml');
      await writeFile(file, yaml);
      const { stdout, exitCode } = await helmIn(scratch, helm).run(['template', 'x', chart, '-f', file]);
      expect(exitCode).toBe(0);
      const named = unmapped.map((reference) => reference.replace(/^docker\.io\/(?:library\/)?/, ''));
      expect(publicImages(stdout).filter((reference) => !named.includes(reference))).toEqual([]);
      expect(stdout).not.toMatch(/ecr\.example:5000\/m\/ecr\.example/);
    },
  );
});

/** Returns public images, including those in Secrets; independent of the discovery code. */
function publicImages(render: string): string[] {
  const decoded = render.replaceAll(/[A-Za-z0-9+/]{40,}={0,2}/g, (blob) => Buffer.from(blob, 'base64').toString());
  const images = [...decoded.matchAll(/(?:image|reference): "?([^\s"]+)/g)].map((match) => match[1] ?? '');
  const inTexts = decoded.match(/(?<![\w./-])(?:quay\.io|ghcr\.io|docker\.io)\/[^\s"]+/g) ?? [];
  return [...images.filter((image) => !image.startsWith('ecr.example:5000/m/')), ...inTexts];
}

function pathsOf(tree: unknown, path = ''): string[] {
  if (typeof tree !== 'object' || tree === null) return [path];
  return Object.entries(tree)
    .flatMap(([key, value]) => pathsOf(value, path === '' ? key : `${path}.${key}`))
    .sort();
}
