import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Short files with slow tests. One of them at the end would leave a core idle for half a minute. */
const LONG =
  /(?:quirks\/quirks|e2e\/(?:guides\/bootstrap-scripts|pages\/(?:bundles|overrides|registries)|journey|resume|fault-sweep|operator-scan|terminal|output)|cluster\/(?:charts|prometheus-operator))\.test\.ts$/;

/** Runs slow files first. Vitest itself orders by size as long as it knows no durations, as in a fresh checkout. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/**
 * For projects whose tests wait for other processes and for time-outs: with one worker a core, a third of the processor time
 * stays unused. Vitest wants a group of their own for projects with another number of workers.
 */
const WAITING = { maxWorkers: availableParallelism() + 1, sequence: { groupOrder: 1 } };

/** Makes the plugin that the tests of a project start. */
const globalSetup = 'test/support/with-plugin.ts';

/** For every project: removes the temporary folders of a test file. */
const setupFiles = 'test/support/each-file.ts';

export default defineConfig({
  test: {
    // By default one core stays idle: half of a machine that has two.
    maxWorkers: '100%',
    // Creates a temporary folder for the run, and fails if files or processes are left behind.
    globalSetup: 'test/support/each-run.ts',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['test/unit/**/*.test.ts'],
          exclude: ['**/*.integration.test.ts'],
          // One process for all files: loading the modules for each took longer than the tests.
          pool: 'threads',
          isolate: false,
          // Node loads TypeScript itself: in a fresh checkout in a third of Vite's time. With a process per file it would be
          // slower.
          experimental: { viteModuleRunner: false, nodeLoader: false },
          testTimeout: 20_000,
        },
      },
      // Integration tests with real Helm, registries, threads or many rounds, which take longer than unit tests should.
      {
        test: {
          name: 'integration',
          setupFiles,
          ...WAITING,
          include: ['test/unit/**/*.integration.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          setupFiles,
          globalSetup,
          ...WAITING,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Concurrent tests wait for slow transfers.
          maxConcurrency: 10,
        },
      },
      // Each case waits for a child process: many run at once, in one thread.
      {
        test: {
          name: 'quirks',
          setupFiles,
          globalSetup,
          ...WAITING,
          include: ['test/quirks/**/*.test.ts'],
          pool: 'threads',
          experimental: { viteModuleRunner: false, nodeLoader: false },
          maxConcurrency: 10,
        },
      },
      {
        test: {
          name: 'interop',
          setupFiles,
          globalSetup,
          ...WAITING,
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // Parsers of foreign input with hostile bytes; npm run fuzz takes longer.
      {
        test: {
          name: 'fuzz',
          setupFiles,
          include: ['test/fuzz/**/*.test.ts'],
        },
      },
      // A real Kubernetes in network namespaces of its own, which all files share.
      {
        test: {
          name: 'cluster',
          setupFiles,
          globalSetup: 'test/support/cluster/each-run.ts',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'corpus',
          setupFiles,
          include: ['test/corpus/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
