import { describe, expect, it } from 'vitest';
import { shardedJobs } from '../../support/sharded-jobs.ts';

/** The jobs of docs/mirror-sharding.md are complete. test/e2e/mirror-shards.test.ts runs their commands. */

describe.each(shardedJobs().map((job) => [job.system, job] as const))('%s', (_, job) => {
  const { command, variables, index, processes } = job;

  it('sets every variable of its command', () => {
    const used = [...command.join(' ').matchAll(/\$([A-Z_]+)/g)].map(([, name = '']) => name);
    expect(used).toContain(index);
    expect(used.filter((name) => name !== index && !(name in variables))).toEqual([]);
  });

  it('has as many processes as shards', () => {
    expect(processes).toBeGreaterThan(1);
    expect(variables.SHARDS).toBe(String(processes));
  });
});

it('runs the same command everywhere', () => {
  const [first, ...others] = shardedJobs().map(({ command, index }) => command.map((word) => word.replace(index, 'I')));
  for (const other of others) expect(other).toEqual(first);
});

it('the Kubernetes Job is indexed, and tries each index again', () => {
  const { definition } = shardedJobs()[0] as ReturnType<typeof shardedJobs>[number];
  expect(definition).toMatchObject({
    apiVersion: 'batch/v1',
    kind: 'Job',
    spec: {
      completionMode: 'Indexed',
      backoffLimitPerIndex: expect.any(Number),
      template: { spec: { restartPolicy: 'Never' } },
    },
  });
});
