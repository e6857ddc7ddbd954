import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseTarget, targetRepository } from '../../../../src/naming/naming.ts';
import { formatRepository, parseReference } from '../../../../src/oci/reference.ts';
import { formatCrio } from '../../../../src/overrides/formats/crio.ts';
import { isGeneratedFile } from '../../../../src/overrides/formats/index.ts';
import { formatK3s } from '../../../../src/overrides/formats/k3s.ts';
import { formatTalos } from '../../../../src/overrides/formats/talos.ts';
import fc from '../../../support/property.ts';

const options = { title: 'Images of app 1, target registry.internal.example:5000/mirror.', plainHttp: false };
const target = parseTarget('registry.internal.example:5000/mirror', 'host-path');
const references = ['busybox:1.36', 'quay.io/team/app:2', 'old.example:8443/x/y:1'].map(parseReference);
const formats = { k3s: formatK3s, crio: formatCrio, talos: formatTalos };

/** Reads `[[registry]]` tables, whose values are the same in TOML and JSON. */
function tables(text: string): Record<string, unknown>[] {
  return text
    .split('[[registry]]\n')
    .slice(1)
    .map((table) =>
      Object.fromEntries(
        [...table.matchAll(/^(\w+) = (.+)$/gm)].map(([, key, value]) => [key, JSON.parse(value ?? '')]),
      ),
    );
}

/** Resolves a name as containers-registries.conf(5) says: the longest prefix is replaced by its location. */
function resolveByCrio(text: string, name: string): string | undefined {
  const [longest] = tables(text)
    .filter(({ prefix }) => name === prefix || name.startsWith(`${prefix}/`))
    .sort((a, b) => String(b.prefix).length - String(a.prefix).length);
  return longest?.blocked === true ? undefined : name.replace(String(longest?.prefix), String(longest?.location));
}

/** Resolves a name as k3s does: the registry's endpoint, and the first expression that matches the path. */
function resolveByK3s(text: string, { registry, path }: { registry: string; path: string }): string {
  const { endpoint, rewrite = {} } = parse(text).mirrors[registry];
  const rule = Object.entries(rewrite).find(([pattern]) => new RegExp(pattern).test(path));
  const there = rule === undefined ? path : path.replace(new RegExp(rule[0]), rule[1] as string);
  return `${endpoint[0].replace('https://', '')}/${there}`;
}

describe.each(Object.entries(formats))('--format %s', (_, format) => {
  it('writes one file that a later run may replace', () => {
    const { files, left } = format(references, target, options);
    expect(left).toEqual([]);
    expect(files).toHaveLength(1);
    expect(isGeneratedFile(files[0]?.text ?? '')).toBe(true);
  });

  it('does not redirect the target itself, and lists that', () => {
    const { left } = format([parseReference('registry.internal.example:5000/other:1')], target, options);
    expect(left).toEqual([expect.stringMatching(/^registry\.internal\.example:5000\/other:1: /)]);
  });

  it('lists images whose tag differs at the target, if it can express the naming', () => {
    const single = parseTarget('r.example/all', 'single-repository');
    const image = parseReference('quay.io/a/b:1');
    expect(format([image], single, options).left).toEqual([expect.stringMatching(/^quay\.io\/a\/b:1: /)]);
  });

  it('uses HTTP for a plain HTTP registry only', () => {
    const [secure, plain] = [false, true].map(
      (plainHttp) => format(references, target, { ...options, plainHttp }).files[0]?.text ?? '',
    );
    expect(secure).not.toMatch(/http:|insecure/);
    expect(plain).toMatch(/http:\/\/registry\.internal\.example:5000|insecure = true/);
  });
});

const part = fc.stringMatching(/^[a-z0-9]{1,6}(?:[._-][a-z0-9]{1,4})?$/);
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const reference = fc
  .tuple(fc.constantFrom('quay.io', 'docker.io', 'old.example:8443'), path)
  .map(([registry, repository]) => parseReference(`${registry}/${repository}:1`));

describe('registries.conf and registries.yaml', () => {
  it.each([
    ['namings that keep paths', 'host-path', undefined],
    ['rules', 'host-path', [{ match: '*/a*', to: 'crew/{path}' }]],
    ['names only', 'name', undefined],
  ])('lead to the repository that push writes, for %s', (_, naming, rules) => {
    const settings = rules === undefined ? {} : { rules };
    fc.assert(
      fc.property(
        fc.uniqueArray(reference, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('', '/a/b'),
        (all, prefix) => {
          const to = parseTarget(`r.internal.test${prefix}`, naming, settings);
          const crio = formatCrio(all, to, options).files[0]?.text ?? '';
          const k3s = formatK3s(all, to, options).files[0]?.text ?? '';
          for (const one of all) {
            const expected = formatRepository(targetRepository(to, one));
            expect(resolveByCrio(crio, formatRepository(one))).toBe(expected);
            expect(resolveByK3s(k3s, one)).toBe(expected);
          }
        },
      ),
    );
  });

  it('block what has no entry where paths change', () => {
    const text = formatCrio(references, parseTarget('r.example', 'name'), options).files[0]?.text ?? '';
    expect(resolveByCrio(text, 'quay.io/team/other')).toBeUndefined();
    expect(resolveByCrio(text, 'quay.io/team/app')).toBe('r.example/app');
  });
});

describe('a machine configuration of Talos', () => {
  it('has the URL below which repositories keep their paths, and no fallback', () => {
    const { mirrors } = parse(formatTalos(references, target, options).files[0]?.text ?? '').machine.registries;
    expect(mirrors['old.example:8443']).toEqual({
      endpoints: ['https://registry.internal.example:5000/v2/mirror/old.example-8443'],
      overridePath: true,
      skipFallback: true,
    });
  });

  it('is refused for a naming that changes paths', () => {
    expect(() => formatTalos(references, parseTarget('r.example', 'name'), options)).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });
});
