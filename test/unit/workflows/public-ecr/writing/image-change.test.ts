import { describe, expect, test } from 'vitest';
import { isImageChange } from '../../../../../src/workflows/public-ecr/writing/image-change.ts';

const MOVED = new Map([['docker.io/library/redis:7', 'public.ecr.aws/docker/library/redis:7']]);
const TO = 'public.ecr.aws/docker/library/redis:7';

function isImage(before: unknown, after: unknown, key = 'image'): boolean {
  return isImageChange({ render: 0, template: 't', document: 0, path: ['spec', key], before, after }, MOVED);
}
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a difference of two renders', () => {
  test.each([
    ['redis:7', TO],
    ['docker.io/library/redis:7', TO],
    [`--image=redis:7 --x`, `--image=${TO} --x`],
    ['a: redis:7\nb: docker.io/redis:7\n', `a: ${TO}\nb: ${TO}\n`],
    [base64('image: redis:7\n'), base64(`image: ${TO}\n`)],
    // One place of two: another one may be in a template.
    ['redis:7 redis:7', `redis:7 ${TO}`],
  ])('is names of images: %j', (before, after) => {
    expect(isImage(before, after)).toBe(true);
  });

  test.each<[unknown, unknown]>([
    ['redis:7', 'public.ecr.aws/docker/library/redis:8'],
    ['redis:7', 'public.ecr.aws/library/redis:7'],
    ['redis:7', `${TO} --debug`],
    ['docker.io', 'public.ecr.aws'],
    ['redis:7', undefined],
    [undefined, TO],
    [3, 4],
    [['redis:7'], [TO]],
    [base64('redis:7 a'), base64(`${TO} b`)],
  ])('is something else: %j and %j', (before, after) => {
    expect(isImage(before, after)).toBe(false);
  });

  test('is a checksum, by its key', () => {
    const [before, after] = ['a'.repeat(64), 'b'.repeat(64)];
    expect([isImage(before, after, 'checksum/config'), isImage(before, after, 'password')]).toEqual([true, false]);
    expect(isImage('on', 'off', 'checksum/config')).toBe(false);
  });
});
