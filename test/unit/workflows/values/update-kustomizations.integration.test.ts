import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { manifestSource } from '../../../../src/manifests/source.ts';
import { formatTargetReference, parseTarget } from '../../../../src/naming/naming.ts';
import { formatReference, parseReference } from '../../../../src/oci/reference.ts';
import { kustomizationPaths } from '../../../../src/workflows/values/kustomization-paths.ts';
import { type UpdateResult, updateKustomizations } from '../../../../src/workflows/values/update-kustomizations.ts';
import { writeFiles } from '../../../support/charts.ts';
import { KUBECTL } from '../../../support/kubectl.ts';
import fc from '../../../support/property.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const target = parseTarget('us.icr.example/ns', 'name');
const programs = scratchFolder();
if (KUBECTL !== undefined) symlinkSync(KUBECTL, join(programs, 'kubectl'));

/** Updates kustomizations, and writes the result as the command does. */
async function update(
  folder: string,
  named: readonly string[],
  { images = [], kustomize = [] }: { readonly images?: readonly string[]; readonly kustomize?: readonly string[] } = {},
): Promise<UpdateResult> {
  const context = { env: { PATH: programs, HOME: folder }, cwd: folder, emit: () => {} };
  const files = await kustomizationPaths(named, folder);
  const manifests = kustomize.map((path) => manifestSource('kustomize', path, folder));
  const result = await updateKustomizations(context, { target, files, images, manifests });
  for (const { path, text } of result.kustomizations) writeFileSync(path, text);
  return result;
}

/** Returns the images of containers that the real kubectl builds. */
function builtImages(folder: string): string[] {
  const text = execFileSync(KUBECTL as string, ['kustomize', folder], { encoding: 'utf8' });
  return parseAllDocuments(text).flatMap((document) =>
    (document.toJS().spec.containers as { image: string }[]).map(({ image }) => image),
  );
}

const pod = (name: string, images: readonly string[]): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n${images
    .map((image, i) => `  - {name: c${i}, image: "${image}"}\n`)
    .join('')}`;

/** With :latest, which a name with several tags does not get. */
const full = (image: string): string => formatReference(parseReference(image));
const privateName = (image: string): string => formatTargetReference(target, parseReference(image));

describe.skipIf(KUBECTL === undefined)('with the real kubectl', { timeout: 120_000 }, () => {
  const cases: readonly (readonly [string, manifests: readonly string[], images: string, entries: number])[] = [
    ['no images yet', ['nginx:1', 'quay.io/a/b@sha256:'.padEnd(83, 'a')], '', 2],
    ['one name with two tags', ['nginx:1', 'nginx:2'], '', 1],
    ['one image in two spellings', ['nginx:1', 'docker.io/library/nginx:1'], '', 2],
    ['a tag that is pinned', ['nginx:1'], 'images: [{name: nginx, newTag: "2"}]\n', 1],
    [
      'a name that stands for an upstream one',
      ['app'],
      'images: [{name: app, newName: ghcr.io/o/app, newTag: v1}]\n',
      1,
    ],
    [
      'the same, and the upstream name too',
      ['app', 'ghcr.io/o/app:v1'],
      'images: [{name: app, newName: ghcr.io/o/app, newTag: v1}]\n',
      2,
    ],
    [
      'entries in a chain',
      ['a', 'b:2'],
      'images: [{name: a, newName: b, newTag: "1"}, {name: b, newName: c.io/x/d}]\n',
      2,
    ],
    [
      'a name that is private already',
      ['nginx'],
      'images: [{name: nginx, newName: us.icr.example/ns/nginx, newTag: "1"}]\n',
      1,
    ],
    ['a suffix of tags', ['nginx:1'], 'images: [{name: nginx, tagSuffix: -alpine}]\n', 1],
    ['a digest', ['nginx:1'], `images: [{name: nginx, digest: "sha256:${'b'.repeat(64)}"}]\n`, 1],
  ];
  test.each(cases)('%s', async (_, manifests, images, entries) => {
    const folder = await writeFiles(scratchFolder(), {
      'kustomization.yaml': `resources: [pod.yaml] # mine\n${images}`,
      'pod.yaml': pod('web', manifests),
    });
    const before = builtImages(folder);
    expect(await update(folder, ['.'])).toMatchObject({ left: [] });
    const expected = before.map((image) => (image.startsWith('us.icr.example/') ? image : privateName(image)));
    expect(builtImages(folder)).toEqual(expected);
    const text = readFileSync(join(folder, 'kustomization.yaml'), 'utf8');
    expect(text).toContain('# mine');
    expect(text.match(/\bname:/g)).toHaveLength(entries);
    expect((await update(folder, ['kustomization.yaml'])).kustomizations).toMatchObject([{ isChanged: false }]);
    expect(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')).toBe(text);
  });

  test('names as the base renames them; a base of another one stays as it is', async () => {
    const folder = await writeFiles(scratchFolder(), {
      'k/base/kustomization.yaml': 'resources: [pod.yaml]\nimages: [{name: nginx, newName: ghcr.io/o/nginx}]\n',
      'k/base/pod.yaml': pod('web', ['nginx:1', 'redis:7']),
      'k/prod/kustomization.yaml': 'resources: [../base]\nimages: [{name: ghcr.io/o/nginx, newTag: "2"}]\n',
    });
    const { kustomizations } = await update(folder, ['k/*/kustomization.yaml']);
    expect(kustomizations).toMatchObject([
      { shown: 'k/base/kustomization.yaml', isChanged: false, usedBy: 'k/prod/kustomization.yaml' },
      { shown: 'k/prod/kustomization.yaml', set: ['ghcr.io/o/nginx', 'redis'] },
    ]);
    expect(builtImages(join(folder, 'k/prod'))).toEqual(['us.icr.example/ns/nginx:2', 'us.icr.example/ns/redis:7']);
  });

  test('a base that is named through a link stays as it is, too', async () => {
    const folder = await writeFiles(scratchFolder(), {
      'k/base/kustomization.yaml': 'resources: [pod.yaml]\n',
      'k/base/pod.yaml': pod('web', ['nginx:1']),
      'k/prod/kustomization.yaml': 'resources: [../../linked]\nimages: [{name: nginx, newTag: "3"}]\n',
    });
    symlinkSync('k/base', join(folder, 'linked'));
    const { kustomizations } = await update(folder, ['k/*']);
    expect(kustomizations).toMatchObject([{ usedBy: 'k/prod/kustomization.yaml' }, { set: ['nginx'] }]);
    expect(builtImages(join(folder, 'k/prod'))).toEqual([privateName('nginx:3')]);
  });

  test('of a source, those that are built into it get what they need themselves; others get all', async () => {
    const folder = await writeFiles(scratchFolder(), {
      'kustomization.yaml': 'resources: [web, db]\n',
      'web/kustomization.yaml': 'resources: [pod.yaml]\n',
      'web/pod.yaml': pod('web', ['nginx:1']),
      'db/kustomization.yaml': 'resources: [pod.yaml]\n',
      'db/pod.yaml': pod('db', ['redis:7']),
      'other/kustomization.yaml': 'resources: [pod.yaml]\nimages:\n- name: docker.io/library/redis\n',
      'other/pod.yaml': pod('other', ['docker.io/library/redis:7']),
    });
    const { kustomizations } = await update(folder, ['*/kustomization.yaml'], { kustomize: ['.'] });
    expect(kustomizations.map(({ shown, set }) => [shown, set])).toEqual([
      ['db/kustomization.yaml', ['redis']],
      // The spelling of an entry that is there counts too.
      ['other/kustomization.yaml', ['docker.io/library/redis', 'nginx', 'redis']],
      ['web/kustomization.yaml', ['nginx']],
    ]);
    expect(builtImages(folder).sort()).toEqual(['us.icr.example/ns/nginx:1', 'us.icr.example/ns/redis:7']);
    expect(builtImages(join(folder, 'other'))).toEqual(['us.icr.example/ns/redis:7']);
  });

  test('what stays on purpose, and what the transformer does not reach', async () => {
    const folder = await writeFiles(scratchFolder(), {
      'kustomization.yaml': `resources: [pod.yaml, foo.yaml]
configurations: [fields.yaml]
images:
- {name: busybox, newName: busybox, newTag: "1.36"}
- {name: alpine, newName: alpine}
`,
      'fields.yaml': 'images:\n- {kind: Foo, path: spec/parts/image}\n',
      'foo.yaml':
        'apiVersion: x.example/v1\nkind: Foo\nmetadata: {name: f}\nspec: {image: "quay.io/a/b:1", parts: [{image: "quay.io/a/c:1"}]}\n',
      'pod.yaml': `${pod('web', ['busybox', 'alpine'])}  ephemeralContainers: [{name: e, image: "quay.io/a/e:1"}]
  volumes: [{name: v, image: {reference: "quay.io/a/v:1"}}]
`,
    });
    const { kustomizations, left } = await update(folder, ['kustomization.yaml']);
    expect(kustomizations[0]).toMatchObject({ kept: ['alpine', 'busybox'], set: ['quay.io/a/c', 'quay.io/a/v'] });
    expect(left).toEqual([
      expect.stringMatching(/^quay\.io\/a\/b:1: .*Foo f spec\.image/),
      expect.stringMatching(/^quay\.io\/a\/e:1: .*Pod web spec\.ephemeralContainers\[0\]\.image/),
      expect.stringMatching(/^alpine: .*kustomization\.yaml:5/),
    ]);
    const text = execFileSync(KUBECTL as string, ['kustomize', folder], { encoding: 'utf8' });
    expect([...text.matchAll(/(?:image|reference): (\S+)/g)].map(([, image]) => image).sort()).toEqual([
      'alpine',
      'busybox:1.36',
      'quay.io/a/b:1',
      'quay.io/a/e:1',
      'us.icr.example/ns/c:1',
      'us.icr.example/ns/v:1',
    ]);
  });

  test('a suffix of several tags, which kustomize appends twice, is left', async () => {
    const text = 'resources: [pod.yaml]\nimages:\n- {name: nginx, tagSuffix: -alpine}\n';
    const folder = await writeFiles(scratchFolder(), {
      'kustomization.yaml': text,
      'pod.yaml': pod('web', ['nginx:1', 'nginx:2']),
    });
    const { kustomizations, left } = await update(folder, ['.']);
    expect([kustomizations[0]?.text, left]).toEqual([text, [expect.stringMatching(/^nginx: .*yaml:3 has tagSuffix/)]]);
  });

  test('a list decides about tags, and each kustomization gets what it needs', async () => {
    const folder = await writeFiles(scratchFolder(), {
      'a/kustomization.yaml':
        'resources: [pod.yaml]\nimages: [{name: nginx, newName: us.icr.example/ns/nginx, newTag: "1"}]\n',
      'a/pod.yaml': pod('web', ['nginx', 'redis:7']),
      'b/kustomization.yaml': 'resources: [pod.yaml]\n',
      'b/pod.yaml': pod('web', ['docker.io/library/nginx:1']),
      'part/kustomization.yaml': 'kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n',
    });
    const { left } = await update(folder, ['*'], { images: ['nginx:2', 'quay.io/other/x:1'] });
    expect(left).toEqual([expect.stringMatching(/redis:7: not in the bundle or list/)]);
    expect(builtImages(join(folder, 'a'))).toEqual(['us.icr.example/ns/nginx:2', 'redis:7']);
    expect(builtImages(join(folder, 'b'))).toEqual(['us.icr.example/ns/nginx:2']);
    // A component has no manifests of its own.
    expect(readFileSync(join(folder, 'part/kustomization.yaml'), 'utf8')).toContain('name: quay.io/other/x');
  });

  test('any entries of base and overlay: what is built names the target, and the same images', async () => {
    const image = fc.constantFrom('nginx', 'nginx:1', 'nginx:2', 'a.io/x:1', 'b.io/y', 'docker.io/library/nginx:1');
    const name = fc.constantFrom('nginx', 'a.io/x', 'b.io/y', 'docker.io/library/nginx');
    const entry = fc.record(
      { name, newName: name, newTag: fc.constantFrom('1', '2', '3') },
      { requiredKeys: ['name'] },
    );
    const list = fc.uniqueArray(
      entry.filter((one) => one.newName !== one.name),
      { maxLength: 3, selector: (one) => one.name },
    );
    const shape = fc.record({
      own: fc.array(image, { minLength: 1, maxLength: 3 }),
      based: fc.array(image, { minLength: 1, maxLength: 3 }),
      overlay: list,
      base: list,
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ own, based, overlay, base }) => {
        const folder = await writeFiles(scratchFolder(), {
          'base/kustomization.yaml': `resources: [pod.yaml]\nimages: ${JSON.stringify(base)}\n`,
          'base/pod.yaml': pod('based', based),
          'kustomization.yaml': `resources: [base, pod.yaml]\nimages: ${JSON.stringify(overlay)}\n`,
          'pod.yaml': pod('own', own),
        });
        const before = builtImages(folder);
        const { left } = await update(folder, ['.']);
        expect(left).toEqual([]);
        expect(builtImages(folder).map(full)).toEqual(before.map(privateName));
        expect((await update(folder, ['.'])).kustomizations).toMatchObject([{ isChanged: false }]);
      }),
      { numRuns: 40 },
    );
  });

  test('all files or none, with all errors', async () => {
    const folder = await writeFiles(scratchFolder(), {
      'a/kustomization.yaml': 'resources: [pod.yaml]\n',
      'a/pod.yaml': pod('web', ['nginx:1']),
      'b/kustomization.yaml': 'resources: [gone.yaml]\n',
      'c/kustomization.yaml': 'resources: [gone.yaml]\n',
      'd/kustomization.yaml': 'images: nginx\n',
    });
    await expect(update(folder, ['a', 'b', 'c'])).rejects.toMatchObject({ causes: [{}, {}] });
    await expect(update(folder, ['a', 'd'])).rejects.toMatchObject({ code: 'config', hint: expect.anything() });
    await expect(update(folder, ['none'])).rejects.toMatchObject({ code: 'usage' });
    await expect(update(folder, ['none/kustomization.yaml'])).rejects.toMatchObject({ code: 'file' });
    await expect(update(folder, ['none*'])).rejects.toMatchObject({ code: 'usage' });
    expect(readFileSync(join(folder, 'a/kustomization.yaml'), 'utf8')).toBe('resources: [pod.yaml]\n');
  });
});
