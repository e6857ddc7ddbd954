import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeFiles } from '../../../support/charts.ts';
import { KUBECTL } from '../../../support/kubectl.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { airgap } from '../../../support/terminal.ts';

const programs = scratchFolder();
if (KUBECTL !== undefined) symlinkSync(KUBECTL, join(programs, 'kubectl'));

const pod = (name: string, ...images: readonly string[]): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n${images
    .map((image, i) => `  - {name: c${i}, image: "${image}"}\n`)
    .join('')}`;

describe.skipIf(KUBECTL === undefined)('what updated kustomizations build', { timeout: 60_000 }, () => {
  async function update(files: Readonly<Record<string, string>>): Promise<{ code: number; left: string[] }> {
    const folder = await writeFiles(scratchFolder(), files);
    const args = ['--update', 'kustomization.yaml', '--to', 'us.icr.example/ns', '-o', 'json'];
    const env = { PATH: programs, HOME: folder };
    const { code, out, err } = await airgap(['values', '--format', 'kustomize', ...args], env, folder);
    expect(err).not.toContain('Error:');
    return { code, left: JSON.parse(out).left };
  }

  const cases: readonly (readonly [string, files: Readonly<Record<string, string>>, left: readonly string[]])[] = [
    [
      'is listed where a transformer sets the image later',
      {
        'kustomization.yaml': 'resources: [pod.yaml]\ntransformers: [late.yaml]\n',
        'late.yaml':
          'apiVersion: builtin\nkind: ImageTagTransformer\nmetadata: {name: late}\nimageTag: {name: nginx, newName: quay.io/late/nginx}\n',
        'pod.yaml': pod('a', 'nginx:1', 'busybox:1'),
      },
      ['quay.io/late/nginx:1: is quay.io/late/nginx:1 after images'],
    ],
    [
      'is listed where a replacement sets the image later',
      {
        'kustomization.yaml':
          'resources: [pod.yaml]\nreplacements:\n- source: {kind: Pod, name: a, fieldPath: metadata.annotations.img}\n' +
          '  targets: [{select: {kind: Pod}, fieldPaths: [spec.containers.0.image]}]\n',
        'pod.yaml': pod('a', 'nginx:1').replace('name: a', 'name: a, annotations: {img: "busybox:2"}'),
      },
      [
        'docker.io/library/busybox:2: still public, in a field that images does not set',
        'docker.io/library/busybox:2: is docker.io/library/busybox:2 after images',
      ],
    ],
    [
      'is listed where kustomize takes the name of an entry for that of another image',
      {
        'kustomization.yaml': 'resources: [pod.yaml]\n',
        'pod.yaml': pod('a', 'quay.io/a.b/c:1', 'quay.io/axb/c:1'),
      },
      ['quay.io/axb/c:1: is us.icr.example/ns/quay.io/a.b/c:1 after images'],
    ],
    [
      'has all names that entries give',
      {
        'kustomization.yaml': 'resources: [pod.yaml, more.yaml]\nimages: [{name: redis, newTag: "7"}]\n',
        'pod.yaml': pod('a', 'nginx:1', 'nginx:2', 'docker.io/redis', `busybox@sha256:${'a'.repeat(64)}`),
        'more.yaml': pod('b', 'redis', 'us.icr.example/ns/quay.io/x/y:1'),
      },
      [],
    ],
  ];
  test.each(cases)('%s', async (_, files, expected) => {
    const { code, left } = await update(files);
    expect(left).toEqual(expected.map((reason) => expect.stringContaining(reason)));
    expect(code).toBe(expected.length === 0 ? 0 : 3);
  });
});
