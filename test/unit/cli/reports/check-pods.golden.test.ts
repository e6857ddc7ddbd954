import { expect, it } from 'vitest';
import { podCheckReport } from '../../../../src/cli/reports/check-pods.ts';
import { pullTestReport } from '../../../../src/cli/reports/pull-test.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import type { AllowedImages } from '../../../../src/search/reference-decisions.ts';
import { checkPods, type PodCheck } from '../../../../src/workflows/check/check-pods.ts';
import { CLUSTER, CLUSTER_TARGET, podList, podObject, RUNNING, waiting } from '../../../support/pods.ts';
import { reportText } from '../../../support/report-text.ts';

const check = (pods: readonly object[], allowed: readonly AllowedImages[] = []): Promise<PodCheck> =>
  checkPods(
    { env: {}, cwd: '/', emit: () => {} },
    {
      source: { file: '-' },
      readInput: async () => Buffer.from(podList(pods)),
      target: parseTarget(CLUSTER_TARGET, 'host-path'),
      onPurpose: { allowed },
    },
  );

const text = (found: PodCheck, width?: number): string => {
  const { result, notes } = reportText(podCheckReport(found), width);
  return `--- stdout\n${result}\n--- stderr\n${notes}\n`;
};

it('a cluster with problems', async () => {
  const allowed = [
    { image: 'registry.k8s.io/*', namespace: 'kube-system', reason: 'part of the cluster' },
    { image: 'quay.io/old/*', reason: 'is replaced next week' },
  ];
  const found = await check(CLUSTER, allowed);
  const [first] = found.problems;
  if (first === undefined) throw new Error('no problem');
  const { places } = first;
  const image = `${CLUSTER_TARGET}/quay.io/acme/agent:2`;
  const expected = `sha256:${'d'.repeat(64)}` as const;
  const more: PodCheck = {
    ...found,
    bundle: 'app.tar',
    problems: [...found.problems, { reason: 'other-digest', image, cause: RUNNING, expected, places }],
    notInBundle: [{ image: `${CLUSTER_TARGET}/quay.io/acme/tool:v1`, places: places.slice(0, 1) }],
  };
  await expect(text(more)).toMatchFileSnapshot('golden/check-pods.txt');
  await expect(text(more, 100)).toMatchFileSnapshot('golden/check-pods.100.txt');
});

it('a good cluster', async () => {
  const pods = CLUSTER.slice(0, 1);
  expect(text(await check(pods))).toBe(
    `--- stdout\n1 Pod: every image is of ${CLUSTER_TARGET} and pulled\n--- stderr\n\n`,
  );
});

it('names of a hostile list stay on their lines', async () => {
  const image = 'a\u001b[2J\nb\u202e';
  const message = `failed\nDone: all is good\u001b[2J`;
  const pods = [
    podObject('x', { containers: { a: { image, state: waiting('Why\n\u001b[2J') } } }),
    podObject('y', {
      containers: { a: { image: `${CLUSTER_TARGET}/a:1`, state: waiting('ErrImagePull', message) } },
    }),
  ];
  const shown = text(await check(pods, [{ image: 'gone\u001b[2J', reason: 'a\nb' }]));
  expect(shown).not.toContain('\u001b');
  expect(shown).not.toContain('\u202e');
  expect(shown.split('\n')).not.toContain('Done: all is good');
});

it('how to run a pull test', async () => {
  const test = {
    manifest: '',
    jobs: 2,
    images: ['a', 'b', 'c'],
    left: ['quay.io/x:1'],
    selector: 'app=test',
    seconds: 900,
  };
  const { result, notes } = reportText(pullTestReport({ ...test, namespace: 'apps' }, 'registry.example/m'));
  expect(result).toBe('');
  await expect(`${notes}\n`).toMatchFileSnapshot('golden/pull-test.txt');
});
