import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Results of a project of vitest.config.ts. */
interface ProjectSummary {
  passed: number;
  failed: number;
  /** Full name and reason of each skipped test. */
  readonly skipped: { readonly name: string; readonly reason: string }[];
}

/** Summary of a run by the names of its projects, for scripts/test. Without those that have no tests. */
export type RunSummary = Readonly<Record<string, ProjectSummary>>;

/**
 * Writes the summary of a run to the file named by AIRGAP_TEST_SUMMARY. Vitest's own JSON lacks the reason why a test was
 * skipped, and counts no failure for a file that could not be loaded.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const projects: Record<string, ProjectSummary> = {};
    for (const module of modules) {
      projects[module.project.name] ??= { passed: 0, failed: 0, skipped: [] };
      const summary = projects[module.project.name] as ProjectSummary;
      const suites = [module, ...module.children.allSuites()];
      summary.failed += suites.filter((suite) => suite.errors().length > 0).length;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === 'passed') summary.passed++;
        else if (result.state === 'failed') summary.failed++;
        else
          summary.skipped.push({
            name: test.fullName,
            reason: ('note' in result && result.note) || 'the test says so',
          });
      }
    }
    // Vitest does not say of which project they are.
    const [first] = Object.values(projects);
    if (first !== undefined) first.failed += unhandled.length;
    writeFileSync(process.env.AIRGAP_TEST_SUMMARY ?? '', JSON.stringify(projects satisfies RunSummary));
  }
}
