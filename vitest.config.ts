import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Short files that take long. One of them at the end would leave a core idle for half a minute. */
const LONG = /e2e\/(?:journey|resume|fault-sweep|inside)\.test\.ts$/;

/** Vitest begins with the largest files as long as it knows no durations, as in a fresh checkout. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** For every project: removes the temporary folders of a test file. */
const setupFiles = 'test/support/each-file.ts';

export default defineConfig({
  test: {
    // Unless told, one core is left idle: half of a machine that has two.
    maxWorkers: '100%',
    // A temporary folder for the run, and a look at what is left in it.
    globalSetup: 'test/support/each-run.ts',
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: ['test/unit/**/*.test.ts'],
          exclude: ['**/*.parts.test.ts'],
          // One process for all files: reading the modules anew for each took longer than the tests.
          pool: 'threads',
          isolate: false,
          // Node reads TypeScript itself. In a fresh checkout that is a third of the time that Vite needs; where each file
          // has a process of its own, it is more.
          experimental: { viteModuleRunner: false, nodeLoader: false },
          testTimeout: 20_000,
        },
      },
      // What needs real Helm, registries, threads or many rounds, and so more time than a unit test should take.
      {
        test: {
          name: 'parts',
          setupFiles,
          include: ['test/unit/**/*.parts.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          setupFiles,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      // Each case waits for a process of its own: many run at once, in one thread.
      {
        test: {
          name: 'quirks',
          setupFiles,
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
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // What reads foreign bytes, given bytes that are hostile; longer with npm run fuzz.
      {
        test: {
          name: 'fuzz',
          setupFiles,
          include: ['test/fuzz/**/*.test.ts'],
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
