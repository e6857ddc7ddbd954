import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { postRenderEntries } from '../../../../src/overrides/edits/post-render-entries.ts';
import { prove, type ReferenceLocation } from '../../../../src/overrides/proof/proof.ts';
import { WEB_POD } from '../../../support/overrides/web-pod.ts';

const target = parseTarget('ecr.example/m', 'host-path');

function location(written: string, reference: string, fields: Partial<ReferenceLocation> = {}): ReferenceLocation {
  return { ...WEB_POD, path: 'spec.image', how: 'config', written, reference, ...fields };
}
/** Returns the entries for locations that the overrides do not redirect. */
const entries = (...locations: ReferenceLocation[]) =>
  postRenderEntries(prove(locations, locations, [], target).unmapped, locations, target);

describe('post-render entries for unmapped references', () => {
  it('have the name at the target, and keep tag, digest and scheme', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const newText = (written: string, reference: string) => entries(location(written, reference))[0]?.to;
    expect(newText('busybox', 'docker.io/library/busybox:latest')).toBe('ecr.example/m/docker.io/library/busybox');
    expect(newText(`a/b:1@${digest}`, `docker.io/a/b:1@${digest}`)).toBe(`ecr.example/m/docker.io/a/b:1@${digest}`);
    expect(newText('docker://quay.io/a:1', 'quay.io/a:1')).toBe('docker://ecr.example/m/quay.io/a:1');
    expect(newText(`oci+native://quay.io/a@${digest}`, `quay.io/a@${digest}`)).toBe(
      `oci+native://ecr.example/m/quay.io/a@${digest}`,
    );
    expect(newText('localhost:5000/a:1', 'localhost:5000/a:1')).toBe('ecr.example/m/localhost-5000/a:1');
  });

  it('keep the scheme of a repository in a field of its own, and leave the tag and the name of a chart', () => {
    const parts = (repository: string, ...more: { role: 'image' | 'tag'; path: string; text: string }[]) => [
      { role: 'repository' as const, path: 'spec.url', text: repository },
      ...more,
      { role: 'tag' as const, path: 'spec.ref.tag', text: '1' },
    ];
    const edits = (written: string, fields: ReferenceLocation['parts']) =>
      entries(location(written, written.replace('oci://', ''), { path: 'spec.url', parts: fields })).map((entry) => [
        entry.path,
        entry.from,
        entry.to,
      ]);
    expect(edits('oci://ghcr.io/a/b:1', parts('oci://ghcr.io/a/b'))).toEqual([
      ['spec.url', 'oci://ghcr.io/a/b', 'oci://ecr.example/m/ghcr.io/a/b'],
    ]);
    expect(edits('ghcr.io/a/b:1', parts('ghcr.io/a', { role: 'image', path: 'spec.chart', text: 'b' }))).toEqual([
      ['spec.url', 'ghcr.io/a', 'ecr.example/m/ghcr.io/a'],
    ]);
  });

  it('correct a wrong private name', () => {
    const before = location('busybox:1', 'docker.io/library/busybox:1');
    const after = location('ecr.example/m/docker.io/busybox:1', 'ecr.example/m/docker.io/busybox:1');
    const { unmapped } = prove([before], [after], [], target);
    expect(postRenderEntries(unmapped, [after, before], target)).toEqual([
      {
        template: WEB_POD.template,
        kind: 'Pod',
        path: 'spec.image',
        from: 'ecr.example/m/docker.io/busybox:1',
        to: 'ecr.example/m/docker.io/library/busybox:1',
      },
    ]);
  });

  it('list every object of the template with the reference, and mark hooks', () => {
    const text = 'quay.io/a:1';
    const found = entries(
      location(text, text),
      location(text, text, { document: 1, kind: 'Job', hook: 'pre-install' }),
    );
    expect(found.map(({ kind, hook }) => [kind, hook])).toContainEqual(['Pod', undefined]);
    expect(found.map(({ kind, hook }) => [kind, hook])).toContainEqual(['Job', true]);
  });

  it('apply to a reference anywhere in its text, and to a single word in its line only', () => {
    const within = (written: string, steps: string) =>
      entries(location(written, 'docker.io/library/a:1', { within: steps }))[0]?.within;
    expect(within('a:1', 'line 3')).toBeUndefined();
    expect(within('a:1', 'base64 > line 3 word 2')).toBe('base64');
    expect(within('a:1', 'line 3 > base64')).toBe('line 3 > base64');
    expect(within('a:1', 'word 2')).toBeUndefined();
    expect(within('a', 'line 3 word 2')).toBe('line 3');
    expect(within('a', 'yaml:image')).toBe('yaml:image');
  });

  it('change the first field of a split if that is exact, and two fields otherwise', () => {
    const split = (reference: string, parts: ReferenceLocation['parts'] = [], within?: string) =>
      entries(location(reference, reference, { parts, ...(within === undefined ? {} : { within }) })).map(
        ({ path, within: way, from, to }) => [path, way, from, to],
      );
    const registry = { role: 'registry', path: 'spec.registry', text: 'quay.io/' } as const;
    const repository = { role: 'repository', path: 'spec.repository', text: 'a/b' } as const;
    const tag = { role: 'tag', path: 'spec.tag', text: '1' } as const;
    expect(split('quay.io/a/b:1', [registry, repository, tag])).toEqual([
      ['spec.registry', undefined, 'quay.io/', 'ecr.example/m/quay.io/'],
    ]);
    expect(split('docker.io/a/b:1', [repository, tag])).toEqual([
      ['spec.repository', undefined, 'a/b', 'ecr.example/m/docker.io/a/b'],
    ]);
    const official = [
      { ...registry, text: 'docker.io', path: 'line 1' },
      { ...repository, text: 'busybox', path: 'line 2' },
    ];
    expect(split('docker.io/library/busybox:1', [...official, tag], 'line 2')).toEqual([
      ['spec.image', 'line 1', 'docker.io', 'ecr.example/m/docker.io'],
      ['spec.image', 'line 2', 'busybox', 'library/busybox'],
    ]);
    // No values of these two fields make the name.
    expect(
      split('quay.io/a/b:1', [
        { ...repository, text: 'other' },
        { ...repository, text: 'c' },
      ]),
    ).toEqual([]);
  });

  it("have the image's tag if all images share a repository", () => {
    const singleRepository = parseTarget('ecr.example/all', 'single-repository');
    const digest = `sha256:${'a'.repeat(64)}`;
    const parts = [
      { role: 'registry' as const, path: 'spec.registry', text: 'quay.io' },
      { role: 'repository' as const, path: 'spec.repository', text: 'a/b' },
      { role: 'tag' as const, path: 'spec.tag', text: '1' },
    ];
    const all = [
      location('busybox', 'docker.io/library/busybox:latest'),
      location(`a/b:1@${digest}`, `docker.io/a/b:1@${digest}`, { path: 'spec.pinned' }),
      location('quay.io/a/b:1', 'quay.io/a/b:1', { parts, path: 'spec.split' }),
    ];
    const found = postRenderEntries(prove(all, all, [], singleRepository).unmapped, all, singleRepository);
    expect(found.map(({ path, to }) => [path, to])).toEqual([
      ['spec.pinned', `ecr.example/all:1@${digest}`],
      ['spec.image', 'ecr.example/all:latest---docker.io--library--busybox'],
      ['spec.registry', 'ecr.example'],
      ['spec.repository', 'all'],
      ['spec.tag', '1---quay.io--a--b'],
    ]);
  });

  it('are empty for an image that an operator chooses', () => {
    const selected = { ...WEB_POD, reference: 'quay.io/op:1', path: 'rule', written: 'quay.io/op:1' };
    expect(postRenderEntries([selected], [], target)).toEqual([]);
  });

  it('give a prefix its own name, and leave one that the naming has no name for', () => {
    const prefix = { ...WEB_POD, reference: 'quay.io', path: 'spec.registry', written: 'quay.io' };
    const location = { ...prefix, how: 'config' as const, isPrefix: true as const };
    expect(postRenderEntries([prefix], [location], target)).toMatchObject([
      { path: 'spec.registry', from: 'quay.io', to: 'ecr.example/m/quay.io' },
    ]);
    const byName = parseTarget('ecr.example/m', 'name');
    expect(postRenderEntries([prefix], [location], byName)).toEqual([]);
  });
});
