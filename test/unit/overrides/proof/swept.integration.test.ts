import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Proof } from '../../../../src/overrides/index.ts';
import { chartYaml, writeFiles } from '../../../support/charts.ts';
import { HELMS } from '../../../support/helm.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

/** Names that no reference explains: prefixes and registries that a program completes, patterns and hosts. */

const helm = HELMS.find(({ path }) => path !== undefined)?.path;
const TARGET = 'ecr.example/m';

/** Writes a chart with an operator, whose variables and configuration are given, and returns the folder that contains it. */
async function chartWith({
  env = [],
  config = '',
  values,
}: {
  env?: readonly object[];
  config?: string;
  values: object;
}): Promise<string> {
  const scratch = scratchFolder();
  const variables = env.map((entry) => `        - ${JSON.stringify(entry).replaceAll('\\"', "'")}`).join('\n');
  await writeFiles(join(scratch, 'op'), {
    'Chart.yaml': chartYaml('op'),
    'values.yaml': JSON.stringify({ image: 'quay.io/acme/operator:v1', ...values }),
    'templates/d.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: op}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - name: op
        image: {{ .Values.image }}
${env.length === 0 ? '' : `        env:\n${variables}`}
`,
    'templates/c.yaml': `# Made from quay.io/acme/operator:v1
apiVersion: v1
kind: ConfigMap
metadata: {name: op}
data:
  conf: |
${config.replace(/^/gm, '    ')}
`,
  });
  return scratch;
}

async function values(folder: string, ...args: readonly string[]) {
  const env = { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder };
  const ended = await airgap(['values', join(folder, 'op'), '--to', TARGET, '-o', 'json', ...args], env, folder);
  const document = JSON.parse(ended.out) as { overrides: object; proof: Proof; residueMap?: { entries: object[] } };
  return { code: ended.code, ...document };
}

const PREFIX = { env: [{ name: 'DB_REPO_URL', value: '{{ .Values.repo }}' }], values: { repo: 'quay.io/acme' } };

it('a prefix is moved by the value that has it', async () => {
  const { code, overrides, proof } = await values(await chartWith(PREFIX));
  expect(overrides).toMatchObject({ repo: `${TARGET}/quay.io/acme` });
  expect([code, proof.residue, proof.notKnown]).toEqual([0, [], undefined]);
});

it('a registry in a field for it is moved, together with the images that it is a part of', async () => {
  const folder = await chartWith({
    env: [{ name: 'DEFAULT_REGISTRY', value: '{{ .Values.registry }}' }],
    config: 'image: "{{ .Values.registry }}/acme/worker:1.0"',
    values: { registry: 'ghcr.io' },
  });
  const { code, overrides } = await values(folder);
  expect([code, overrides]).toEqual([
    0,
    { image: `${TARGET}/quay.io/acme/operator:v1`, registry: `${TARGET}/ghcr.io` },
  ]);
});

it('a prefix in a template is unmapped, and a post-renderer or a changed chart replaces it', async () => {
  const hardcoded = { config: 'base: quay.io/acme', values: {} };
  const { code, proof } = await values(await chartWith(hardcoded));
  expect([code, proof.residue]).toMatchObject([3, [{ reference: 'quay.io/acme', path: 'data.conf (yaml:base)' }]]);
  expect(proof.residue[0]?.because).toContain('hard-coded');
  const folder = await chartWith(hardcoded);
  const rendered = await values(folder, '--unmapped=post-render', '--unmapped-map', 'm.json');
  expect(rendered).toMatchObject({
    code: 0,
    residueMap: { entries: [{ path: 'data.conf', from: 'quay.io/acme', to: `${TARGET}/quay.io/acme` }] },
  });
  const repacked = await values(folder, '--unmapped=repack', '--unmapped-chart', 'c.tgz');
  expect([repacked.code, repacked.proof.residue]).toEqual([0, []]);
});

it('a naming that changes paths has no name for a prefix', async () => {
  const { code, proof } = await values(await chartWith(PREFIX), '--naming', 'name');
  expect([code, proof.residue]).toMatchObject([3, [{ reference: 'quay.io/acme' }]]);
  expect(proof.residue[0]?.because).toContain('naming');
});

it('hosts and patterns are not known, comments of templates are nothing, and descriptions are explained', async () => {
  const config = 'allowed: "*.quay.io"\nmatch: "ghcr.io/acme/*"\ndescription: as quay.io/acme/operator\n';
  const { code, proof } = await values(await chartWith({ config, values: {} }));
  expect([code, proof.residue]).toEqual([0, []]);
  expect(proof.notKnown).toMatchObject([
    { state: 'not-known', name: 'quay.io', path: 'data.conf (yaml:allowed)' },
    { state: 'not-known', name: 'ghcr.io/acme', path: 'data.conf (yaml:match)' },
  ]);
  expect(proof.explained).toMatchObject([{ name: 'quay.io/acme/operator', why: 'documentation' }]);
});

it.each([
  ['a registry', '{image: quay.io, reason: allow-list of the registry}'],
  ['a prefix', '{image: "quay.io/other/*", reason: allow-list of the registry}'],
  ['everything at a place', '{image: "*", at: "op/templates/c.yaml data.conf", reason: allow-list of the registry}'],
])('%s is public on purpose with an entry of --allow-images', async (name, entry) => {
  const text = name === 'a registry' ? 'quay.io' : 'quay.io/other';
  const folder = await chartWith({ config: `imageRegistry: ${text}`, values: {} });
  await writeFile(join(folder, 'allow.yaml'), `- ${entry}\n`);
  const { code, proof } = await values(folder, '--allow-images', join(folder, 'allow.yaml'));
  expect([code, proof.residue]).toEqual([0, []]);
  expect(proof.allowed).toMatchObject([
    { state: 'public-on-purpose', reference: text, reason: 'allow-list of the registry' },
  ]);
  const elsewhere = entry.replace(/reason/, 'at: "other *", reason').replace(/at: "op[^"]*", /, '');
  await writeFile(join(folder, 'allow.yaml'), `- ${elsewhere}\n`);
  expect(parse(`- ${elsewhere}`)).toMatchObject([{ at: 'other *' }]);
  expect((await values(folder, '--allow-images', join(folder, 'allow.yaml'))).code).toBe(3);
});

it('check names a prefix that stays public, before there are overrides and with a file of them', async () => {
  const folder = await chartWith({ config: 'base: quay.io/acme', values: {} });
  await writeFile(join(folder, 'o.yaml'), `image: ${TARGET}/quay.io/acme/operator:v1\n`);
  const env = { PATH: process.env.PATH, HELM_BIN: helm, HOME: folder, TMPDIR: folder };
  for (const more of [[], ['--overrides', 'o.yaml']]) {
    const target = ['--to', '127.0.0.1:1/m', '--plain-http', '127.0.0.1:1'];
    const { code, out } = await airgap(['check', join(folder, 'op'), ...target, ...more, '-o', 'json'], env, folder);
    const { images } = JSON.parse(out) as { images: { reference: string; status: string }[] };
    expect(code).toBe(3);
    expect(images).toContainEqual(expect.objectContaining({ reference: 'quay.io/acme', status: 'public-name' }));
  }
});
