import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseTarget, targetRepository } from '../../../../src/naming/naming.ts';
import { formatReference, formatRepository, parseReference } from '../../../../src/oci/reference.ts';
import { formatContainerd } from '../../../../src/overrides/formats/containerd.ts';
import { formatImageMap } from '../../../../src/overrides/formats/image-map.ts';
import { formatMirrorSet } from '../../../../src/overrides/formats/mirrorset.ts';
import fc from '../../../support/property.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const target = parseTarget('registry.internal.example:5000/mirror', 'host-path');
const references = ['busybox:1.36', `quay.io/team/app:2@${DIGEST}`, 'quay.io/team/app:2', 'old.example:8443/x/y:1'].map(
  parseReference,
);

/** Parses a hosts.toml: comments, tables `[host."URL"]`, and keys whose values are the same in TOML and JSON. */
function toml(text: string): Record<string, unknown> {
  const host: Record<string, Record<string, unknown>> = {};
  const root: Record<string, unknown> = { host };
  let table = root;
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
    const [, url] = /^\[host\.(".+")\]$/.exec(line) ?? [];
    const [, key = '', value = ''] = /^([a-z_]+) = (.+)$/.exec(line) ?? [];
    if (url === undefined) table[key] = JSON.parse(value);
    else {
      table = {};
      host[JSON.parse(url)] = table;
    }
  }
  return root;
}

describe('an image map', () => {
  it('maps each original reference to its private one, with the same tag and digest', () => {
    const { files, left } = formatImageMap(references, target);
    expect(left).toEqual([]);
    expect(JSON.parse(files[0]?.text ?? '')).toEqual({
      'docker.io/library/busybox:1.36': 'registry.internal.example:5000/mirror/docker.io/library/busybox:1.36',
      [`quay.io/team/app:2@${DIGEST}`]: `registry.internal.example:5000/mirror/quay.io/team/app:2@${DIGEST}`,
      'quay.io/team/app:2': 'registry.internal.example:5000/mirror/quay.io/team/app:2',
      'old.example:8443/x/y:1': 'registry.internal.example:5000/mirror/old.example-8443/x/y:1',
    });
  });
});

describe('hosts.toml files for containerd', () => {
  it('are one file per registry, with the private registry as the only server', () => {
    const { files, left } = formatContainerd(references, target, { plainHttp: false });
    expect(left).toEqual([]);
    expect(files.map(({ path }) => path)).toEqual([
      'docker.io/hosts.toml',
      'quay.io/hosts.toml',
      'old.example:8443/hosts.toml',
    ]);
    const server = 'https://registry.internal.example:5000/v2/mirror/docker.io';
    const settings = { capabilities: ['pull', 'resolve'], override_path: true };
    // containerd 1.6 asks the original registry if a file has no host.
    expect(toml(files[0]?.text ?? '')).toEqual({ server, ...settings, host: { [server]: settings } });
  });

  it.each(['name', 'as-written', 'single-repository'])('are refused for --naming %s', (naming) => {
    const otherTarget = parseTarget('registry.internal.example/mirror', naming);
    expect(() => formatContainerd(references, otherTarget, { plainHttp: false })).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(`--naming ${naming} `) }),
    );
  });

  it('omit images whose path differs at the target', () => {
    const otherTarget = parseTarget('registry.internal.example/m', 'path', {
      toLegalPath: (path) => path.replace('team', 'crew'),
    });
    const { left } = formatContainerd([parseReference('quay.io/team/app:2')], otherTarget, { plainHttp: false });
    expect(left).toEqual([expect.stringMatching(/^quay\.io\/team\/app:2: /)]);
  });

  it('use HTTP for a plain HTTP registry', () => {
    const { files } = formatContainerd(references, target, { plainHttp: true });
    expect(toml(files[2]?.text ?? '').server).toBe('http://registry.internal.example:5000/v2/mirror/old.example-8443');
  });

  it('do not redirect the target itself, and report that', () => {
    const { files, left } = formatContainerd([parseReference('registry.internal.example:5000/other:1')], target, {
      plainHttp: false,
    });
    expect(files).toEqual([]);
    expect(left).toEqual([expect.stringMatching(/^registry\.internal\.example:5000\/other:1: /)]);
  });

  it('address the repository that push writes, for either naming and any prefix', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,6}(?:[._-][a-z0-9]{1,4})?$/);
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const host = fc
      .tuple(fc.stringMatching(/^[a-z0-9]{1,6}$/), fc.constantFrom('', ':5000'))
      .map(([name, port]) => `${name}.example${port}`);
    fc.assert(
      fc.property(
        host,
        path,
        fc.constantFrom('host-path', 'path'),
        fc.constantFrom('', '/a', '/a/b'),
        (from, to, naming, prefix) => {
          const otherTarget = parseTarget(`r.internal.test${prefix}`, naming as 'path');
          const reference = parseReference(`${from}/${to}:1`);
          const [file] = formatContainerd([reference], otherTarget, { plainHttp: false }).files;
          const { server } = toml(file?.text ?? '');
          // With override_path, containerd appends the repository to the URL's path.
          expect(`${server}/${reference.path}`).toBe(
            `https://r.internal.test/v2/${targetRepository(otherTarget, reference).path}`,
          );
        },
      ),
    );
  });
});

describe('mirror sets', () => {
  const { files, left } = formatMirrorSet(references, target, { title: 'Images of app 1.', name: 'airgap-app' });
  const documents = parseAllDocuments(files[0]?.text ?? '').map((document) => document.toJS());

  it('are separate for tags and digests', () => {
    expect(left).toEqual([]);
    expect(documents.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['ImageTagMirrorSet', 'airgap-app'],
      ['ImageDigestMirrorSet', 'airgap-app'],
    ]);
    expect(documents[1].spec.imageDigestMirrors).toEqual([
      {
        source: 'quay.io/team/app',
        mirrors: ['registry.internal.example:5000/mirror/quay.io/team/app'],
        mirrorSourcePolicy: 'NeverContactSource',
      },
    ]);
  });

  it('list each repository once, with the repository that push writes', () => {
    const entries = documents[0].spec.imageTagMirrors;
    expect(entries.map(({ source }: { source: string }) => source)).toEqual([
      'docker.io/library/busybox',
      'old.example:8443/x/y',
      'quay.io/team/app',
    ]);
    for (const { source, mirrors } of entries) {
      expect(mirrors).toEqual([formatRepository(targetRepository(target, parseReference(source)))]);
    }
  });

  it('omit references whose tag differs at the target, and keep digests', () => {
    const singleRepository = parseTarget('r.example/all', 'single-repository');
    const both = ['quay.io/a/b:1', `quay.io/a/c@sha256:${'a'.repeat(64)}`].map(parseReference);
    const options = { title: 'Images.', name: 'airgap' };
    const { files, left } = formatMirrorSet(both, singleRepository, options);
    expect(left).toEqual([expect.stringMatching(/^quay\.io\/a\/b:1: /)]);
    expect(files[0]?.text).toContain('quay.io/a/c');
    expect(files[0]?.text).not.toContain('source: quay.io/a/b');
  });

  it('omit names that are invalid in OpenShift', () => {
    const ipv6 = parseReference('[::1]:5000/app:1');
    const mirrorSet = formatMirrorSet([ipv6], target, { title: 'x', name: 'airgap' });
    expect(mirrorSet.left).toHaveLength(1);
    expect(mirrorSet.left[0]?.startsWith(`${formatReference(ipv6)}: `)).toBe(true);
    expect(mirrorSet.files[0]?.text).toContain(`# ${formatReference(ipv6)}: `);
  });
});
