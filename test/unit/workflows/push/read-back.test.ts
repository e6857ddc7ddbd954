import { expect, test } from 'vitest';
import { AirgapError } from '../../../../src/base/errors.ts';
import { ignoreEvents } from '../../../../src/base/events.ts';
import type { Digest } from '../../../../src/oci/digest.ts';
import type { CopyOutcome } from '../../../../src/transfer/copy.ts';
import { readBack } from '../../../../src/workflows/push/read-back.ts';

const digest: Digest = `sha256:${'1'.repeat(64)}`;
const other: Digest = `sha256:${'2'.repeat(64)}`;

function outcome(tag: string, status: CopyOutcome['status'] = 'pushed'): CopyOutcome {
  const target = { registry: 'r.example', path: 'a', tag, digest };
  return { reference: { registry: 'up.example', path: 'a', tag }, target, digest, status };
}

async function readBackErrors(tags: readonly CopyOutcome[], answer: (tag: string) => Promise<Digest | undefined>) {
  const errors = await readBack({ hasManifest: (_, tag) => answer(tag) }, tags, {
    concurrency: 2,
    emit: ignoreEvents,
    poll: { delay: 1 },
  });
  return errors.map(({ code, message }) => `${code}: ${message}`);
}

test('reads back pushed tags only, and reports no matching ones', async () => {
  const requests: string[] = [];
  const answer = async (tag: string) => {
    requests.push(tag);
    return digest;
  };
  expect(await readBackErrors([outcome('1'), outcome('2', 'present'), outcome('3', 'kept')], answer)).toEqual([]);
  expect(requests).toEqual(['1']);
});

test('distinguishes another digest, a missing tag, and no answer', async () => {
  const answers: Record<string, () => Promise<Digest | undefined>> = {
    '1': async () => other,
    '2': async () => undefined,
    '3': () => Promise.reject(new AirgapError('network', 'r.example closed the connection')),
  };
  const name = (tag: string): string => `r.example/a:${tag}@${digest}`;
  expect(await readBackErrors([outcome('1'), outcome('2'), outcome('3')], (tag) => answers[tag]?.() as never)).toEqual([
    expect.stringMatching(`^digest-mismatch: ${name('1')}: .*\\(${other}\\)$`),
    expect.stringMatching(`^digest-mismatch: ${name('2')}: .*\\(nothing\\)$`),
    expect.stringMatching(`^network: ${name('3')}: .*: r.example closed the connection$`),
  ]);
});

test('reads a mismatching tag again', async () => {
  const answers = [other, undefined, digest];
  expect(await readBackErrors([outcome('1')], async () => answers.shift())).toEqual([]);
});
