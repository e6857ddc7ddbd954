import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestSource } from '../../../src/manifests/source.ts';
import { searchManifests } from '../../../src/search/search-manifests.ts';
import { writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { KUBECTL } from '../../support/kubectl.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { airgap } from '../../support/terminal.ts';

const helm = HELMS.find(({ path }) => path !== undefined)?.path;
const programs = scratchFolder();
if (KUBECTL !== undefined) symlinkSync(KUBECTL, join(programs, 'kubectl'));

const FILES = {
  'kustomization.yaml': 'resources: [thing.yaml]\nconfigurations: [fields.yaml]\n',
  'fields.yaml': 'images:\n- {path: spec/runtime/uses, kind: Thing}\n- path: spec/parts[]/image\n- {path: spec/note}\n',
  'thing.yaml':
    'apiVersion: x.example/v1\nkind: Thing\nmetadata: {name: t}\n' +
    'spec: {runtime: {uses: "nginx:1"}, parts: [{image: "quay.io/a/b:1"}], note: "no image: {}"}\n' +
    '---\napiVersion: x.example/v1\nkind: Other\nmetadata: {name: o}\nspec: {runtime: {uses: "nginx:2"}}\n',
};

describe.skipIf(KUBECTL === undefined || helm === undefined)(
  'image fields that a kustomization configures',
  { timeout: 60_000 },
  () => {
    test('name images, whatever the fields are called', async () => {
      const folder = await writeFiles(scratchFolder(), FILES);
      const context = { env: { PATH: programs, HOME: folder }, cwd: folder, emit: () => {} };
      const { searched } = await searchManifests(context, manifestSource('kustomize', folder, folder), {});
      expect(searched.references).toMatchObject([
        { reference: 'quay.io/a/b:1', path: 'spec.parts[0].image' },
        { reference: 'docker.io/library/nginx:1', path: 'spec.runtime.uses', kind: 'Thing', confidence: 'certain' },
      ]);
    });

    test('name images in the objects of a base, too; an overlay does not set them', async () => {
      const inBase = Object.fromEntries(Object.entries(FILES).map(([path, text]) => [`base/${path}`, text]));
      const folder = await writeFiles(scratchFolder(), { ...inBase, 'kustomization.yaml': 'resources: [base]\n' });
      const context = { env: { PATH: programs, HOME: folder }, cwd: folder, emit: () => {} };
      const { searched, imageFields } = await searchManifests(context, manifestSource('kustomize', folder, folder), {});
      expect(searched.references.map(({ reference }) => reference)).toEqual([
        'quay.io/a/b:1',
        'docker.io/library/nginx:1',
      ]);
      expect(imageFields).toEqual([]);
    });

    test('are checked, and set', async () => {
      const folder = await writeFiles(scratchFolder(), FILES);
      const run = (...args: string[]) => airgap(args, { PATH: programs, HOME: folder, HELM_BIN: helm }, folder);
      const to = ['--to', 'us.icr.example/ns'];
      const checked = await run('check', '--kustomize', '.', ...to);
      expect(checked.code).toBe(3);
      expect(checked.out).toContain('docker.io/library/nginx:1');
      expect(checked.out).not.toContain('does not change this field');
      const set = await run('values', '--format', 'kustomize', '--update', '.', ...to, '-o', 'json');
      expect(set).toMatchObject({ code: 0 });
      expect(JSON.parse(set.out)).toMatchObject({ left: [], files: [{ set: ['nginx', 'quay.io/a/b'] }] });
    });
  },
);
