import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatTargetReference, parseTarget } from '../../../../src/naming/naming.ts';
import { formatReference, parseReference } from '../../../../src/oci/reference.ts';
import { formatKustomize } from '../../../../src/overrides/formats/kustomize.ts';
import fc from '../../../support/property.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const target = parseTarget('registry.internal.example/mirror', 'host-path');

function location(written: string, path = 'spec.template.spec.containers[0].image') {
  const base = { chart: 'web', profile: 'default', document: 0, kind: 'Deployment', name: 'web' };
  const reference = formatReference(parseReference(written));
  return { ...base, template: 'web/templates/a.yaml', path, how: 'pod-spec' as const, written, reference };
}

interface Entry {
  readonly name: string;
  readonly newName: string;
  readonly newTag?: string;
  readonly digest?: string;
}

/** Sets an image like kustomize's transformer (api/internal/accumulator and api/filters/imagetag). */
function transformed(image: string, entries: readonly Entry[]): string {
  for (const { name, newName, newTag, digest } of entries) {
    const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const match = new RegExp(`^${escaped}(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$`).exec(image);
    if (match === null) continue;
    const [, tag = '', pin = ''] = match;
    if (newTag === undefined && digest === undefined) return `${newName}${tag}${pin}`;
    return `${newName}${newTag === undefined ? '' : `:${newTag}`}${digest === undefined ? '' : `@${digest}`}`;
  }
  return image;
}

it('uses the image name as written in the manifest', () => {
  const { files, left } = formatKustomize(
    [location('busybox'), location('docker.io/library/busybox')],
    target,
    'Images.',
  );
  expect(left).toEqual([]);
  const { images } = parse(files[0]?.text ?? '');
  const newName = 'registry.internal.example/mirror/docker.io/library/busybox';
  expect(images).toEqual([
    { name: 'busybox', newName, newTag: 'latest' },
    { name: 'docker.io/library/busybox', newName, newTag: 'latest' },
  ]);
});

it('reports references that kustomize does not change', () => {
  const locations = [location('a/b:1'), location('a/c:1', 'spec.template.spec.containers[0].args[1]')];
  const { files, left } = formatKustomize(locations, target, 'Images.');
  expect(left).toHaveLength(1);
  expect(left[0]).toContain('docker.io/a/c:1');
  expect(left[0]).toContain('web/templates/a.yaml spec.template.spec.containers[0].args[1]');
  expect(files[0]?.text).toContain(`# ${left[0]}`);
  expect(parse(files[0]?.text ?? '').images).toHaveLength(1);
});

it('maps every image to its exact private name, for any combination of tags and digests', () => {
  const name = fc.constantFrom('busybox', 'team/app', 'quay.io/team/app', 'old.example:8443/x', 'docker.io/team/app');
  const version = fc.constantFrom('', ':1', ':1.2-alpine', `@${DIGEST}`, `:1@${DIGEST}`);
  const written = fc.tuple(name, version).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.uniqueArray(written, { minLength: 1, maxLength: 6 }), (all) => {
      const { files } = formatKustomize(
        all.map((reference) => location(reference)),
        target,
        'Images.',
      );
      const { images } = parse(files[0]?.text ?? '');
      for (const reference of all) {
        const changed = transformed(reference, images);
        expect(formatReference(parseReference(changed))).toBe(formatTargetReference(target, parseReference(reference)));
      }
    }),
  );
});

it('sets the tag if all images share a repository, and omits names with several tags', () => {
  const singleRepository = parseTarget('r.example/all', 'single-repository');
  const { files, left } = formatKustomize(
    [location('a/b:1'), location('a/c:1'), location('a/c:2')],
    singleRepository,
    'Images.',
  );
  expect(parse(files[0]?.text ?? '').images).toEqual([
    { name: 'a/b', newName: 'r.example/all', newTag: '1---docker.io--a--b' },
  ]);
  expect(left).toEqual([expect.stringMatching(/^a\/c: /)]);
});
