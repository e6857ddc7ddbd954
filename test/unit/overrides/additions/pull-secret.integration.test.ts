import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { parsePostRenderMap } from '../../../../src/overrides/edits/post-render-map.ts';
import { values } from '../../../../src/workflows/values/values.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { helmIn } from '../../../support/isolated-helm.ts';
import { agentCrd } from '../../../support/overrides/agent-crd.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const target = parseTarget('ecr.example:5000/m', 'host-path');

interface SecretShape {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Overrides expected in addition to the image. */
  readonly sets: unknown;
  /** Pods expected in the report. */
  readonly without?: readonly string[];
}

/** Pod whose spec begins with these lines. */
const pod = (spec: string, name = 'pod'): string =>
  `kind: Pod\nmetadata:\n  name: ${name}\nspec:\n${spec}\n  containers: [{name: c, image: "{{ .Values.image }}"}]\n`;
const IMAGE = 'image: quay.io/acme/app:1.0\n';
const listed = (path: string): string =>
  `  {{- with ${path} }}\n  imagePullSecrets: {{ toYaml . | nindent 4 }}\n  {{- end }}`;
const shape = (
  name: string,
  own: string,
  templates: string,
  sets: unknown,
  more: Partial<SecretShape> = {},
): SecretShape => {
  const files = { 'values.yaml': IMAGE + own, 'templates/a.yaml': templates, ...more.files };
  return { name, sets, ...more, files };
};
const ENTRY = [{ name: 'ecr' }];

const AGENT = 'apiVersion: acme.example/v1\nkind: Agent\nmetadata: {name: agent}\nspec:\n  size: 1\n';
/** CRD of agents with this item schema for its pull secrets. */
const agentWith = (items: object): string =>
  agentCrd({
    type: 'object',
    properties: { size: { type: 'integer' }, imagePullSecrets: { type: 'array', items } },
  });

const HUB = `kind: Secret
metadata: {name: copy}
data:
  values.yaml: {{ omit .Values "image" | toYaml | b64enc | quote }}
{{- range $name := list "hub" "web" }}
{{- $all := concat (index $.Values $name).pullSecrets $.Values.imagePullSecrets | uniq }}
{{- if $.Values.imagePullSecret.create }}{{ $all = append $all "made" }}{{ end }}
---
kind: Pod
metadata:
  name: {{ $name }}
  annotations: {checksum/values: "{{ omit $.Values "image" | toYaml | sha256sum }}"}
spec:
  {{- if $all }}
  imagePullSecrets:
    {{- range $all }}
    - {name: {{ if kindIs "string" . }}{{ . }}{{ else }}{{ .name }}{{ end }}}
    {{- end }}
  {{- end }}
  containers: [{name: c, image: "{{ $.Values.image }}"}]
{{- end }}
`;

const SHAPES: readonly SecretShape[] = [
  shape('a list of entries', 'imagePullSecrets: []\n', pod(listed('.Values.imagePullSecrets')), {
    imagePullSecrets: ENTRY,
  }),
  shape('a list with an entry', 'imagePullSecrets: [{name: old}]\n', pod(listed('.Values.imagePullSecrets')), {
    imagePullSecrets: [{ name: 'old' }, ...ENTRY],
  }),
  shape('an empty map', 'pullSecrets: {}\n', pod(listed('.Values.pullSecrets')), { pullSecrets: ENTRY }),
  shape(
    'a list of names',
    'pullSecrets: []\n',
    pod('  imagePullSecrets: [{{ range .Values.pullSecrets }}{name: {{ . }}},{{ end }}]'),
    { pullSecrets: ['ecr'] },
  ),
  shape(
    'one name',
    'image_pull_secret: ""\n',
    pod('  {{- with .Values.image_pull_secret }}\n  imagePullSecrets: [{name: {{ . }}}]\n  {{- end }}'),
    { image_pull_secret: 'ecr' },
  ),
  shape(
    'a value that only templates read',
    '',
    pod(listed('.Values.web.imagePullSecrets').replace('.Values.web.', '(.Values.web).')),
    {
      web: { imagePullSecrets: ENTRY },
    },
  ),
  shape(
    'one sufficient global value',
    'imagePullSecrets: []\nglobal: {imagePullSecrets: []}\n',
    `${pod(listed('(concat .Values.global.imagePullSecrets .Values.imagePullSecrets)'))}---\n${pod(listed('.Values.global.imagePullSecrets'), 'b')}`,
    { global: { imagePullSecrets: ENTRY } },
  ),
  shape(
    'a global value and one for the rest',
    'global: {imagePullSecrets: []}\nweb: {imagePullSecrets: []}\n',
    `${pod(listed('.Values.global.imagePullSecrets'))}---\n${pod(listed('.Values.web.imagePullSecrets'), 'web')}`,
    { global: { imagePullSecrets: ENTRY }, web: { imagePullSecrets: ENTRY } },
  ),
  shape(
    'a subchart under an alias',
    'global: {image: quay.io/acme/app:1.0}\n',
    pod(listed('.Values.db.pullSecrets')),
    {
      db: { pullSecrets: ENTRY },
      global: { image: 'ecr.example:5000/m/quay.io/acme/app:1.0' },
    },
    {
      files: {
        'Chart.yaml': chartYaml('shape', '1.0.0', 'dependencies: [{name: sub, alias: db, version: 1.0.0}]\n'),
        'charts/sub/Chart.yaml': chartYaml('sub'),
        'charts/sub/templates/a.yaml': pod(listed('.Values.pullSecrets'), 'sub').replace('.image', '.global.image'),
      },
    },
  ),
  shape(
    'a service account of several pods',
    'serviceAccount: {imagePullSecrets: []}\n',
    `kind: ServiceAccount\nmetadata: {name: sa}\n${listed('.Values.serviceAccount.imagePullSecrets').replaceAll(/^ {2}/gm, '')}\n---\n${pod('  serviceAccountName: sa')}---\n${pod('  serviceAccountName: sa', 'b')}`,
    { serviceAccount: { imagePullSecrets: ENTRY } },
  ),
  shape(
    'a leaf that the template refuses to change, and one that changes more',
    'imagePullSecrets: []\npullSecret: ""\nregistrySecret: ""\n',
    `{{ if .Values.registrySecret }}{{ fail "registrySecret is gone" }}{{ end }}${pod('  hostname: "h{{ .Values.pullSecret }}"\n  {{- with .Values.pullSecret }}\n  imagePullSecrets: [{name: {{ . }}}]\n  {{- end }}')}---\n${pod(listed('.Values.imagePullSecrets'), 'b')}`,
    { imagePullSecrets: ENTRY },
    { without: ['pod'] },
  ),
  shape(
    'a random password, and a checksum that would change',
    'imagePullSecrets: []\npullSecret: ""\n',
    `${pod(`  hostname: "{{ randAlphaNum 8 | lower }}"\n  subdomain: "s{{ .Values.pullSecret | len }}"\n${listed('.Values.imagePullSecrets')}`)}`,
    { imagePullSecrets: ENTRY },
  ),
  shape(
    'a resource whose CRD has names, and pods that have entries',
    'global: {imagePullSecrets: []}\nagent: {imagePullSecrets: []}\n',
    `${pod(listed('.Values.global.imagePullSecrets'))}---\n${AGENT}${listed('.Values.agent.imagePullSecrets')}\n`,
    { global: { imagePullSecrets: ENTRY }, agent: { imagePullSecrets: ['ecr'] } },
    { files: { 'crds/agent.yaml': agentWith({ type: 'string' }) } },
  ),
  shape(
    'a resource whose CRD has entries',
    'agent: {imagePullSecrets: []}\n',
    `${pod('  hostname: a')}---\n${AGENT}${listed('.Values.agent.imagePullSecrets')}\n`,
    { agent: { imagePullSecrets: ENTRY } },
    {
      files: { 'templates/crd.yaml': agentWith({ type: 'object', properties: { name: { type: 'string' } } }) },
      without: ['pod'],
    },
  ),
  shape(
    'nothing for a resource that accepts neither form',
    'agent: {imagePullSecrets: []}\nimagePullSecrets: []\n',
    `${pod(listed('.Values.imagePullSecrets'))}---\n${AGENT}${listed('.Values.agent.imagePullSecrets')}\n`,
    { imagePullSecrets: ENTRY },
    { files: { 'crds/agent.yaml': agentWith({ type: 'integer' }) }, without: ['agent'] },
  ),
  shape(
    'a list, a created secret and image secrets joined by a helper, and a copy of the values',
    'imagePullSecrets: []\nimagePullSecret: {create: false}\nhub: {pullSecrets: []}\nweb: {pullSecrets: []}\n',
    HUB,
    { imagePullSecrets: ENTRY },
  ),
  shape('no leaf at all', '', pod('  hostname: a'), {}, { without: ['pod'] }),
];

describe.for(HELMS)('a pull secret with Helm $version', (helm) => {
  it.skipIf(helm.path === undefined).for(SHAPES)('is set where the chart supports it: $name', async (wanted) => {
    const scratch = scratchFolder();
    const chart = await writeFiles(join(scratch, 'shape'), { 'Chart.yaml': chartYaml('shape'), ...wanted.files });
    const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch };
    const context = { env, cwd: scratch, emit: () => undefined };
    const options = { request: { chart }, bundle: undefined, target, render: {}, pullSecret: 'ecr' };
    const [result] = await values(context, options);
    const { overrides, proof, yaml = '' } = result ?? {};
    expect(overrides).toEqual({ image: 'ecr.example:5000/m/quay.io/acme/app:1.0', ...(wanted.sets as object) });
    expect(proof?.residue).toEqual([]);
    const { without = [] } = wanted;
    expect(proof?.withoutPullSecret?.map(({ name }) => name)).toEqual(without);
    for (const name of without)
      expect(yaml).toMatch(new RegExp(`^# Without the pull secret: \\w+/${name} \\(shape/templates/a.yaml\\)$`, 'm'));
    expect(parse(yaml)).toEqual(overrides);
    const file = join(scratch, 'overrides.yaml');
    await writeFile(file, yaml);
    const { exitCode } = await helmIn(scratch, helm).run(['template', 'x', chart, '-f', file]);
    expect(exitCode).toBe(0);
  });

  const BARE = `kind: Pod
metadata: {name: bare}
spec:
  containers:
    - {name: c, image: quay.io/acme/fixed:1}
---
kind: Pod
metadata: {name: served}
spec:
${listed('.Values.imagePullSecrets')}
  containers:
    - {name: c, image: "{{ .Values.image }}"}
---
kind: Job
metadata: {name: hook, annotations: {helm.sh/hook: pre-install}}
spec:
  template:
    spec:
      containers:
        - {name: c, image: "{{ .Values.image }}"}
`;
  it.skipIf(helm.path === undefined)(
    'is added by a post-renderer or a repacked chart where no value exists',
    async () => {
      const scratch = scratchFolder();
      const chart = await writeFiles(join(scratch, 'shape'), {
        'Chart.yaml': chartYaml('shape'),
        'values.yaml': `${IMAGE}imagePullSecrets: []\n`,
        'templates/a.yaml': BARE,
      });
      const env = { PATH: process.env.PATH, HELM_BIN: helm.path, TMPDIR: scratch };
      const context = { env, cwd: scratch, emit: () => undefined };
      const proved = async (how?: 'post-render' | 'repack') => {
        const residue = how && { unmappedHandling: { how, expect: () => {}, fileName: () => 'f' } };
        const options = { request: { chart }, bundle: undefined, target, render: {}, pullSecret: 'ecr', ...residue };
        const [result] = await values(context, options);
        return { ...result, without: result?.proof.withoutPullSecret?.map(({ name }) => name) };
      };
      expect((await proved()).without).toEqual(['hook', 'bare']);
      const rendered = await proved('post-render');
      expect(rendered.without).toEqual(helm.version.startsWith('4') ? [] : ['hook']);
      expect(parsePostRenderMap(rendered.postRenderMap?.text ?? '', 'map').pullSecret).toEqual({
        name: 'ecr',
        pods: [
          { template: 'shape/templates/a.yaml', kind: 'Job', path: 'spec.template.spec', hook: true },
          { template: 'shape/templates/a.yaml', kind: 'Pod', path: 'spec' },
        ],
      });
      const changed = await proved('repack');
      expect(changed.without).toEqual([]);
      const archive = join(scratch, 'changed.tgz');
      await writeFile(archive, changed.changedChart?.archive ?? '');
      await writeFile(join(scratch, 'o.yaml'), changed.yaml ?? '');
      const { stdout } = await helmIn(scratch, helm).run(['template', 'x', archive, '-f', join(scratch, 'o.yaml')]);
      expect(stdout.match(/- name: ecr$/gm)).toHaveLength(3);
    },
  );
});
