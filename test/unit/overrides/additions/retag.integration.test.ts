import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { helmIn } from '../../../support/isolated-helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

/** Tags at a target with one repository for all images, for different charts. */

const split = '{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}';
const pod = (image: string, more = '', labels = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: a${labels}}}\nspec: {containers: [{name: a, image: "${image}"}]${more}}\n`;
const NAME = 'quay.io--team--app';
const VERSION = ', app.kubernetes.io/version: "{{ .Values.image.tag | trunc 63 }}"';

interface Shape {
  readonly name: string;
  readonly values: string;
  readonly template: string;
  /** Images of the render with the overrides. */
  readonly images: readonly string[];
  /** Set if one of them cannot get its tag, so that the overrides are not enough. */
  readonly residue?: true;
}

const SHAPES: readonly Shape[] = [
  {
    name: 'a tag of its own',
    values: 'image: {repository: quay.io/team/app, tag: v1}',
    template: pod(split),
    images: [`r.example/all:v1---${NAME}`],
  },
  {
    name: 'an empty tag, and a version for the chart’s own',
    values: 'image: {repository: quay.io/team/app, tag: ""}',
    template: pod(split),
    images: [`r.example/all:1.0.0---${NAME}`],
  },
  {
    name: 'a template that puts a v before it',
    values: 'image: {repository: quay.io/team/app, tag: 1.2}',
    template: pod('{{ .Values.image.repository }}:v{{ .Values.image.tag }}'),
    images: [`r.example/all:v1.2---${NAME}`],
  },
  {
    name: 'a whole reference, and a digest',
    values: `image: quay.io/team/app:v1\nother: quay.io/b@sha256:${'a'.repeat(64)}`,
    template: `${pod('{{ .Values.image }}')}---\n${pod('{{ .Values.other }}')}`,
    images: [`r.example/all:v1---${NAME}`, `r.example/all@sha256:${'a'.repeat(64)}`],
  },
  {
    name: 'a label and a comparison of versions',
    values: 'image: {repository: quay.io/team/app, tag: v1.2.0}',
    template: `{{ if semverCompare ">=1.1-0" .Values.image.tag }}${pod(split, '', VERSION)}{{ end }}`,
    images: [`r.example/all:v1.2.0---${NAME}`],
  },
  {
    name: 'a field that shows the tag',
    values: 'image: {repository: quay.io/team/app, tag: v1}',
    template: pod(split, ', hostname: "{{ .Values.image.tag }}"'),
    images: ['quay.io/team/app:v1'],
    residue: true,
  },
  {
    name: 'two images with one tag leaf',
    values: 'tag: v1\na: quay.io/team/app\nb: quay.io/team/other',
    template: `${pod('{{ .Values.a }}:{{ .Values.tag }}')}---\n${pod('{{ .Values.b }}:{{ .Values.tag }}').replace('kind: Pod', 'kind: Pod # two').replace('name: a', 'name: b')}`,
    images: ['quay.io/team/app:v1', 'quay.io/team/other:v1'],
    residue: true,
  },
  {
    name: 'a registry that moves an image with a tag of its own, and one whose tag is shown',
    values: 'registry: quay.io\na: {name: team/app, tag: v1}\nb: {name: team/other, tag: v1}',
    template: `${pod('{{ .Values.registry }}/{{ .Values.a.name }}:{{ .Values.a.tag }}')}---\n${pod('{{ .Values.registry }}/{{ .Values.b.name }}:{{ .Values.b.tag }}', ', hostname: "{{ .Values.b.tag }}"').replace('name: a', 'name: b')}`,
    images: [`r.example/all:v1---${NAME}`, 'r.example/team/other:v1'],
    residue: true,
  },
];

describe.for(HELMS)('one repository for all images with Helm $version', (helm) => {
  it.skipIf(helm.path === undefined).for(SHAPES)('with $name', async (shape) => {
    const scratch = scratchFolder();
    const chart = await writeFiles(join(scratch, 'demo'), {
      'Chart.yaml': `${chartYaml('demo')}appVersion: 1.0.0\n`,
      'values.yaml': shape.values,
      'templates/a.yaml': shape.template,
    });
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch };
    const args = ['values', chart, '--to', 'r.example/all', '--naming', 'single-repository'];
    const run = await airgap(args, env, scratch);
    expect(run.code, run.err).toBe(shape.residue === true ? 3 : 0);
    if (shape.residue === true) expect(run.err).toMatch(/unmapped, [\s\S]*\btag\b/);
    const file = join(scratch, 'overrides.yaml');
    await writeFile(file, run.out);
    const { stdout } = await helmIn(scratch, helm).run(['template', 'x', chart, '-f', file]);
    const found = [...stdout.matchAll(/image: "?([^"}\]\s]+)"?/g)].map(([, image]) => image);
    expect(found).toEqual(shape.images);
    if (shape.residue !== true) return;
    const moved = await airgap([...args, '--residue=post-render', '--residue-map', 'map.json'], env, scratch);
    expect(moved.code, moved.err).toBe(0);
  });
});
