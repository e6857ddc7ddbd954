import { describe, expect, it } from 'vitest';
import { parseSharedTag, sharedTag } from '../../../src/naming/naming-tag.ts';
import { formatReference, parseReference, tryParseReference } from '../../../src/oci/reference.ts';
import fc from '../../support/property.ts';

const of = (text: string): string => sharedTag(parseReference(text));

describe('the tag of an image in a shared repository', () => {
  it.each([
    ['nginx', 'latest---docker.io--library--nginx'],
    ['quay.io/jetstack/cert-manager-webhook:v1.17.2', 'v1.17.2---quay.io--jetstack--cert-manager-webhook'],
    ['reg.example:5000/a/b_c__d:1.0-rc.1', '1.0-rc.1---reg.example_5000--a--b_c__d'],
    ['Reg.Example/a:x---y.z--w', 'x---y.z--w---Reg.Example--a'],
  ])('of %s identifies the image', (source, tag) => {
    expect(of(source)).toBe(tag);
    expect(formatReference(parseSharedTag(tag) ?? parseReference('none'))).toBe(
      formatReference(parseReference(source)),
    );
  });

  it('ends with a hash when it is too long or ambiguous', () => {
    const long = `quay.io/${'very-long-name/'.repeat(9)}app:v1.2.3`;
    expect(of(long)).toMatch(/^v1\.2\.3---quay\.io--very-long-name--.*---[0-9a-f]{12}$/);
    expect(of(long)).toHaveLength(128);
    expect(of('quay.io/a--b:1')).toMatch(/^1---quay\.io--a--b---[0-9a-f]{12}$/);
    expect(of('[::1]:5000/a:1')).toMatch(/---[0-9a-f]{12}$/);
    expect(parseSharedTag(of(long))).toBeUndefined();
  });

  it('is a valid tag and unique', () => {
    const letters = fc.constantFrom('a', 'b', '1', '-', '--', '---', '_', '__', '.', '/', '0f3a5c7e9b1d');
    const path = fc.array(letters, { minLength: 1, maxLength: 40 }).map((all) => all.join(''));
    const tag = fc.stringMatching(/^\w[\w.-]{0,20}$/);
    const host = fc.constantFrom('a.b', 'a.b:5000', 'a.b-5000', 'A.b', '[::1]', '[::1]:5000', '[1::]:5000', 'a.b--c');
    const image = fc
      .tuple(host, path, tag)
      .map(([host, name, version]) => `${host}/${name}:${version}`)
      .filter((text) => tryParseReference(text) !== undefined);
    fc.assert(
      fc.property(image, image, (one, other) => {
        expect(tryParseReference(`r.example/m:${of(one)}`)).toBeDefined();
        if (formatReference(parseReference(one)) !== formatReference(parseReference(other)))
          expect(of(one)).not.toBe(of(other));
      }),
    );
  });
});
