import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { configMap, custom, deployment, discover, references } from '../../support/discovery/references.ts';
import fc from '../../support/property.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const reference = fc
  .tuple(
    fc.constantFrom('quay.io', 'registry.example.com:5000', 'ghcr.io'),
    name,
    name,
    fc.stringMatching(/^v?[0-9]\.[0-9]{1,2}$/),
  )
  .map(([host, a, b, tag]) => `${host}/${a}/${b}:${tag}`);

/** Ways to nest a text in another, as in real charts. */
const wrap = fc.constantFrom<(text: string) => string>(
  (text) => stringify({ a: [{ component: text }], z: true }),
  (text) => JSON.stringify({ 'x.y/z': { component: text } }),
  (text) => Buffer.from(`key: |\n${text.replace(/^/gm, '  ')}\n`).toString('base64'),
  (text) => stringify([{ list: [text] }]),
);
const manifest = fc.constantFrom<(text: string) => string>(
  (text) => configMap(text),
  (text) => custom({ list: [{ deep: text }] }),
  (text) => deployment({ env: [{ name: 'X', value: text }] }),
  (text) => deployment({ args: [`--x=${text}`] }),
  (text) => JSON.stringify({ apiVersion: 'v1', kind: 'Secret', data: { x: Buffer.from(text).toString('base64') } }),
  (text) => JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { annotations: { 'a/b': text } } }),
);

test('a reference is found in any nesting, at a location that does not depend on its value', () => {
  fc.assert(
    fc.property(
      reference,
      reference,
      fc.array(wrap, { maxLength: 4 }),
      manifest,
      (first, second, wrappers, toManifest) => {
        const nest = (text: string) => toManifest(wrappers.reduce((inner, wrapper) => wrapper(inner), text));
        expect(references(nest(first)).filter((found) => found !== 'reg.io/own:1')).toEqual([first]);
        const locations = (text: string) => discover(nest(text)).map(({ path, within }) => [path, within]);
        expect(locations(first)).toEqual(locations(second));
      },
    ),
    { numRuns: 200 },
  );
});

test('every location of a render is unique', () => {
  fc.assert(
    fc.property(
      fc.array(reference, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('\n', ' ', ',', '\nx: '),
      (all, separator) => {
        const found = discover(configMap(all.join(separator)), deployment({ args: [all.join(separator)] }));
        const addresses = found.map(({ template, path, within }) => [template, path, within].join('|'));
        expect(new Set(addresses).size).toBe(addresses.length);
      },
    ),
    { numRuns: 100 },
  );
});

test('look-alikes are not found in any nesting', () => {
  const lookAlike = fc.oneof(
    reference.map((text) => `https://${text}`),
    fc.tuple(name, fc.integer({ min: 1024, max: 65535 })).map(([host, port]) => `${host}:${port}`),
    fc.tuple(name, name, name).map(([a, b, c]) => `${a}.${b}.svc.cluster.local:8080/${c}`),
    fc.tuple(name, name).map(([a, b]) => `github.com/${a}/${b}:v1.0`),
    fc.tuple(name, name).map(([a, b]) => `${a}.example.com/${b}`),
    reference.map((text) => `${text.split(':')[0]}:\${TAG}`),
    fc.tuple(name, name).map(([a, b]) => `/${a}/${b}:ro`),
    fc.tuple(name, name).map(([a, b]) => `system:serviceaccount:${a}:${b}`),
  );
  fc.assert(
    fc.property(lookAlike, fc.array(wrap, { maxLength: 3 }), manifest, (text, wrappers, toManifest) => {
      const found = references(toManifest(wrappers.reduce((inner, wrapper) => wrapper(inner), text)));
      expect(found.filter((reference) => reference !== 'reg.io/own:1')).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
