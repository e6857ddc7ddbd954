import { expect, it } from 'vitest';
import { type Digest, digestOf } from '../../../src/oci/digest.ts';
import {
  artifactTypeOf,
  cosignTags,
  type Referrer,
  referrerKind,
  referrersTag,
  sortReferrers,
} from '../../../src/oci/referrer.ts';

const short = digestOf(Buffer.from('a'));
const long = digestOf(Buffer.from('a'), 'sha512');

it('builds the referrers tag of the specification, truncated to the legal length', () => {
  expect(referrersTag(short)).toBe(short.replace(':', '-'));
  expect(referrersTag(long)).toBe(`sha512-${long.slice(7, 7 + 64)}`);
});

it('lists the tags of cosign, except those that are too long', () => {
  expect(cosignTags(short)).toEqual(['sig', 'att', 'sbom'].map((suffix) => `${short.replace(':', '-')}.${suffix}`));
  expect(cosignTags(long)).toEqual([]);
});

it('takes the artifact type from the manifest, else from its config', () => {
  const config = { mediaType: 'application/x', digest: short, size: 1 };
  expect(artifactTypeOf({ artifactType: 'application/y', config })).toBe('application/y');
  expect(artifactTypeOf({ artifactType: '', config })).toBe('application/x');
  expect(artifactTypeOf({ artifactType: undefined, config: undefined })).toBe('');
  expect(referrerKind({ artifactType: 'application/x', tag: `${short}.sig` })).toBe('signature');
  expect(referrerKind({ artifactType: 'application/x' })).toBe('application/x');
});

it('sorts and removes duplicates', () => {
  const one = (subject: Digest, tag?: string): Referrer => ({
    repository: { registry: 'quay.io', path: 'a' },
    subject,
    descriptor: { mediaType: 'm', digest: short, size: 1 },
    artifactType: '',
    ...(tag === undefined ? {} : { tag }),
  });
  const sorted = sortReferrers([one(short, 'b'), one(short), one(short, 'b'), one(short, 'a')]);
  expect(sorted.map(({ tag }) => tag)).toEqual([undefined, 'a', 'b']);
});
