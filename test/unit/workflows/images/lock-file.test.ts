import { expect, it } from 'vitest';
import { AirgapError, type ErrorCode } from '../../../../src/base/errors.ts';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { formatRepository, type Repository } from '../../../../src/oci/reference.ts';
import { resolveDigests } from '../../../../src/workflows/images/lock-file.ts';

const digest = digestOf(Buffer.from('x'));

/** A registry that answers according to the names of its repositories. */
const client = {
  async head(repository: Repository, tag: string): Promise<Descriptor | undefined> {
    const [, code] = /\/(network|registry|unauthorized|forbidden)$/.exec(repository.path) ?? [];
    const name = `${formatRepository(repository)}:${tag}`;
    if (code !== undefined) throw new AirgapError(code as ErrorCode, `${name}: as its name says`);
    if (repository.path.endsWith('/none')) return undefined;
    return { mediaType: '', digest, size: 1 };
  },
};

async function resolve(...references: string[]) {
  const warnings: string[] = [];
  const emit = (event: AirgapEvent): void => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  return { ...(await resolveDigests(client, references, { concurrency: 2, emit })), warnings };
}

it('returns digests of existing images, and lists missing ones', async () => {
  const { digests, missing, warnings } = await resolve('a.example/x/app:1', 'a.example/x/none:1');
  expect([...digests]).toEqual([['a.example/x/app:1', digest]]);
  expect([...missing]).toEqual(['a.example/x/none:1']);
  expect(warnings).toEqual([]);
});

it('warns once for each unreachable registry, with all its images', async () => {
  const { digests, missing, warnings } = await resolve(
    'a.example/x/network:1',
    'a.example/x/network:2',
    'b.example/x/registry:1',
  );
  expect([digests.size, missing.size]).toEqual([0, 0]);
  expect(warnings).toEqual([
    expect.stringMatching(/^a\.example .* a\.example\/x\/network:1, a\.example\/x\/network:2 .*\(a/),
    expect.stringMatching(/^b\.example /),
  ]);
});

it('fails with all errors that the user can fix', async () => {
  await expect(
    resolve('a.example/x/unauthorized:1', 'a.example/x/forbidden:1', 'a.example/x/app:1'),
  ).rejects.toMatchObject({
    code: 'several',
    causes: [{ code: 'unauthorized' }, { code: 'forbidden' }],
  });
});
