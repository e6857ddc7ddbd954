import { expect, test } from 'vitest';
import { verdictsTable } from '../../../../evaluation/faults/index.ts';
import {
  any,
  hasBody,
  isApi,
  isBlob,
  isSession,
  isTag,
  reaches,
  repositoryOf,
  stores,
} from '../../../../evaluation/faults/kind.ts';
import { GONE, KINDS } from '../../../../evaluation/faults/kinds.ts';
import { describe, type Outcome } from '../../../../evaluation/faults/sweep.ts';
import type { RecordedRequest } from '../../../support/fault-proxy.ts';

function request(method: string, path: string, more: Partial<RecordedRequest> = {}): RecordedRequest {
  return { method, path, step: `${method} ${path} #1`, agent: 'airgap', sent: 0, status: 200, answered: 9, ...more };
}

const digest = `sha256:${'a'.repeat(64)}`;
const layer = request('GET', `/v2/team/app/blobs/${digest}`);
const tag = request('PUT', '/v2/team/app/manifests/1', { status: 201, answered: 0 });
const child = request('PUT', `/v2/team/app/manifests/${digest}`, { status: 201, answered: 0 });
const session = request('PUT', '/v2/team/app/blobs/uploads/1?digest=x', { status: 201, answered: 0 });
const token = request('GET', '/token?scope=x');

test('kinds of requests are told apart', () => {
  const all = [layer, tag, child, session, token];
  const matching = (applies: (seen: RecordedRequest) => boolean): number[] =>
    all.flatMap((seen, index) => (applies(seen) ? [index] : []));
  expect([hasBody, isApi, isBlob, isSession, isTag, stores].map(matching)).toEqual([
    [0, 4],
    [0, 1, 2, 3],
    [0],
    [3],
    [1],
    [1, 2, 3],
  ]);
  expect(all.map(repositoryOf)).toEqual(['team/app', 'team/app', 'team/app', 'team/app', undefined]);
});

test('a fault reaches later requests of its scope', () => {
  const [again, other] = [
    { ...layer, step: layer.step.replace('#1', '#2') },
    request('GET', '/v2/team/tool/manifests/1'),
  ];
  const reached = (reach: Parameters<typeof reaches>[0], hits = 1): boolean[] =>
    [again, tag, token, other].map((later) => reaches(reach, layer, later, hits));
  expect(reached('once')).toEqual([false, false, false, false]);
  expect(reached('storm')).toEqual([true, false, false, false]);
  expect(reached('storm', 5)).toEqual([false, false, false, false]);
  expect(reached('step', 50)).toEqual([true, false, false, false]);
  expect(reached('repository')).toEqual([true, true, false, false]);
  expect(reached('writes')).toEqual([false, true, false, false]);
  expect(reached('all')).toEqual([true, true, true, true]);
});

test('each kind is described once, and applies to some request', () => {
  const lines = [...KINDS, GONE].map((kind) => describe({ direction: 'pull', kind, step: 'GET x' }));
  expect(new Set(lines).size).toBe(lines.length);
  const requests = [
    ...[layer, tag, child, session, token],
    request('PUT', '/v2/team/app/manifests/1', { sent: 9 }),
    request('POST', '/v2/team/app/blobs/uploads/?mount=x', { status: 201 }),
    request('HEAD', '/v2/team/app/manifests/1'),
    request('GET', '/v2/team/app/referrers/x'),
  ];
  expect([...KINDS, GONE].filter(({ applies }) => !requests.some(applies))).toEqual([]);
});

test('verdicts are counted by fault and direction, with a sum', () => {
  const outcome = (row: string, direction: 'pull' | 'push', verdict: Outcome['verdict']): Outcome => ({
    kind: { ...GONE, row, applies: any },
    direction,
    verdict,
    step: '',
    byHelm: false,
    wrong: [],
    output: '',
  });
  const outcomes = [
    outcome('reset', 'pull', 'completed'),
    outcome('reset', 'push', 'bad'),
    outcome('reset', 'pull', 'recovered'),
  ];
  expect(verdictsTable(outcomes).split('\n').slice(2)).toEqual([
    '| reset | pull | 2 | 1 | 1 | 0 |',
    '| reset | push | 1 | 0 | 0 | 1 |',
    '| **all** |  | 3 | 1 | 1 | 1 |',
  ]);
});
