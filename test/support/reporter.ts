import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Summary of a run, for scripts/test. */
export interface RunSummary {
  readonly passed: number;
  readonly failed: number;
  /** Full name and reason of each skipped test. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Writes the summary of a run to the file named by AIRGAP_TEST_SUMMARY. Vitest's own JSON lacks the reason why a test was
 * skipped, and counts no failure for a file that could not be loaded.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandled.length;
    const skipped: { name: string; reason: string }[] = [];
    for (const module of modules) {
      const suites = [module, ...module.children.allSuites()];
      failed += suites.filter((suite) => suite.errors().length > 0).length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') passed++;
        else if (result.state === 'failed') failed++;
        else skipped.push({ name: test.fullName, reason: ('note' in result && result.note) || 'the test says so' });
      }
    }
    const summary: RunSummary = { passed, failed, skipped };
    writeFileSync(process.env.AIRGAP_TEST_SUMMARY ?? '', JSON.stringify(summary));
  }
}
