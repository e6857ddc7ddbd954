import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Unless told, one core is left idle: half of a machine that has two.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: ['**/*.parts.test.ts'],
          // One process for all files: reading the modules anew for each took longer than the tests.
          pool: 'threads',
          isolate: false,
          testTimeout: 20_000,
        },
      },
      // What needs real Helm, registries, threads or many rounds, and so more time than a unit test should take.
      { test: { name: 'parts', include: ['test/unit/**/*.parts.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      { test: { name: 'interop', include: ['test/interop/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { name: 'corpus', include: ['test/corpus/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 300_000 } },
    ],
  },
});
