import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tar from 'tar';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chartArtifact } from '../../../../src/bundle/format/chart-artifact.ts';
import { graphOf, registry, write } from '../../../support/bundles.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { helmIn } from '../../../support/isolated-helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const M = 'ecr.example:5000/m';
const A = `${M}/quay.io/a:1`;
const B = `${M}/docker.io/library/b:2`;

interface PinShape {
  readonly name: string;
  readonly values: string;
  readonly template: string;
  /** Images of the render with the overrides; {a} and {b} are placeholders for digests. */
  readonly images: readonly string[];
  readonly left?: readonly string[];
}

const pod = (images: readonly string[], labels = ''): string =>
  `kind: Pod\nmetadata: {name: p, labels: {x: y${labels}}}\nspec:\n  containers:\n${images.map((image, i) => `  - {name: c${i}, image: "${image}"}\n`).join('')}`;
const split = '{{ .Values.image.repository }}:{{ .Values.image.tag }}';

const SHAPES: readonly PinShape[] = [
  {
    name: 'a leaf for the digest, before the tag',
    values: 'image: {repository: quay.io/a, tag: "1", digest: ""}\n',
    template: pod([`${split}{{ with .Values.image.digest }}@{{ . }}{{ end }}`]),
    images: [`${A}@{a}`],
  },
  {
    name: 'a leaf for the digest without its algorithm that only a helper reads, and the tag goes',
    values: 'image: {repository: quay.io/a, tag: "1"}\n',
    template: pod([
      '{{ with .Values.image }}{{ .repository }}{{ if .sha }}@sha256:{{ .sha }}{{ else }}:{{ .tag }}{{ end }}{{ end }}',
    ]),
    images: [`${M}/quay.io/a@{a}`],
  },
  {
    name: 'behind the tag',
    values: 'image: {repository: quay.io/a, tag: 1}\n',
    template: pod([split]),
    images: [`${A}@{a}`],
  },
  {
    name: 'behind an empty tag that the chart has a default for',
    values: 'image: {repository: quay.io/a, tag: ""}\n',
    template: pod(['{{ .Values.image.repository }}:{{ .Values.image.tag | default "1" }}']),
    images: [`${A}@{a}`],
  },
  {
    name: 'behind whole references, each with its own',
    values: 'image: quay.io/a:1\nmore: {all: "b:2"}\n',
    template: pod(['{{ .Values.image }}', '{{ .Values.more.all }}']),
    images: [`${A}@{a}`, `${B}@{b}`],
  },
  {
    name: 'not where the tag stands in a label too',
    values: 'image: {repository: quay.io/a, tag: "1"}\nother: b:2\n',
    template: pod([split, '{{ .Values.other }}'], ', version: "v{{ .Values.image.tag | trunc 20 }}"'),
    images: [A, `${B}@{b}`],
    left: [A],
  },
  {
    name: 'not where the chart compares versions',
    values: 'image: {repository: quay.io/a, tag: "1"}\nother: b:2\n',
    template: `{{ if semverCompare ">=1" (toString .Values.image.tag) }}${pod([split, '{{ .Values.other }}'])}{{ end }}`,
    images: [A, `${B}@{b}`],
    left: [A],
  },
];

describe.for(HELMS)('digests with Helm $version', (helm) => {
  it.skipIf(helm.path === undefined).for(SHAPES)(
    'are set where the chart supports them: $name',
    async ({ values, template, images, left = [] }) => {
      const scratch = scratchFolder();
      const chart = await writeFiles(join(scratch, 'demo'), {
        'Chart.yaml': chartYaml('demo'),
        'values.yaml': values,
        'templates/a.yaml': template,
      });
      const archive = join(scratch, 'demo.tgz');
      await tar.create({ gzip: true, file: archive, cwd: scratch }, ['demo']);
      const metadata = { apiVersion: 'v2', name: 'demo', version: '1.0.0' };
      const source = registry();
      const graph = await graphOf(source);
      const bundle = join(scratch, 'b.tar');
      await write(bundle, source, { graph, charts: [chartArtifact({ metadata, tgz: await readFile(archive) })] });
      const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch };
      const args = ['values', 'demo', '--bundle', bundle, '--to', M, '--pin'];
      const { code, out, err } = await airgap(args, env, scratch);
      expect([code, err]).toEqual([0, expect.stringContaining('pinned: ')]);
      const file = join(scratch, 'overrides.yaml');
      await writeFile(file, out);
      const { stdout } = await helmIn(scratch, helm).run(['template', 'x', chart, '-f', file]);
      const digestOf = (path: string): string =>
        graph.roots.find(({ reference }) => reference.path === path)?.descriptor.digest ?? '';
      const wanted = images.map((image) => image.replace('{a}', digestOf('a')).replace('{b}', digestOf('library/b')));
      const { spec } = parse(stdout) as { spec: { containers: { image: string }[] } };
      expect(spec.containers.map(({ image }) => image)).toEqual(wanted);
      for (const reference of left) {
        expect(out).toContain(`# Not pinned: ${reference} (demo/templates/a.yaml spec.containers[0].image)`);
        expect(err).toContain(`not pinned: ${reference}`);
      }
      expect(out.match(/# Not pinned/g) ?? []).toHaveLength(left.length);
    },
  );
});
