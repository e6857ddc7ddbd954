import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { startPushThrough } from './push-through.ts';
import { parseJunit, parseSummary, type SuiteResult } from './suite-result.ts';

/** Repository that the tests use. */
const REPOSITORY = 'conformance/repository';

/** Programs of the conformance tests of the distribution specification, by the variables with their paths. */
export const CONFORMANCE_PROGRAMS = {
  /** Tests of version 1.1.1. */
  AIRGAP_CONFORMANCE: 'of distribution-spec 1.1.1: pull and content discovery, with content of their own',
  /** Rewritten in 2026; they have a mode for read-only registries. */
  AIRGAP_CONFORMANCE_NEXT: 'of July 2026, for read-only registries',
} as const;

export type ConformanceVariable = keyof typeof CONFORMANCE_PROGRAMS;

/** Variables that name no program. */
export function missingConformance(env: NodeJS.ProcessEnv = process.env): ConformanceVariable[] {
  return (Object.keys(CONFORMANCE_PROGRAMS) as ConformanceVariable[]).filter((name) => !env[name]);
}

/**
 * Runs the conformance tests on `helm airgap serve`. What they push goes into bundles. The content that version 1.1.1 has left
 * is the input of the newer tests.
 * @param folder an empty folder
 */
export async function runConformance(
  programs: Readonly<Record<ConformanceVariable, string>>,
  folder: string,
): Promise<Readonly<Record<ConformanceVariable, SuiteResult>>> {
  const bundles = join(folder, 'bundles');
  mkdirSync(bundles);
  const registry = await startPushThrough(bundles);
  try {
    const report = join(folder, 'report');
    mkdirSync(report);
    await start(programs.AIRGAP_CONFORMANCE, report, {
      OCI_ROOT_URL: `http://${registry.host}`,
      OCI_NAMESPACE: REPOSITORY,
      OCI_TEST_PULL: '1',
      OCI_TEST_CONTENT_DISCOVERY: '1',
      OCI_REPORT_DIR: report,
    });
    const { passed, ...rest } = parseJunit(readFileSync(join(report, 'junit.xml'), 'utf8'));
    // Setup and teardown write, so what passes there says nothing of `serve`; neither does what writes their report.
    const first = {
      ...rest,
      passed: passed.filter((name) => !/ (?:Setup|Teardown) |^html custom reporter$/.test(name)),
    };
    const host = await registry.served();
    const { manifests, subjects, blobs } = registry.pushed();
    const { tags } = (await (await fetch(`http://${host}/v2/${REPOSITORY}/tags/list`)).json()) as { tags: string[] };
    const output = await start(programs.AIRGAP_CONFORMANCE_NEXT, folder, {
      OCI_REGISTRY: host,
      OCI_TLS: 'disabled',
      OCI_REPO1: REPOSITORY,
      OCI_RESULTS_DIR: report,
      OCI_API_PUSH: 'false',
      OCI_API_BLOBS_DELETE: 'false',
      OCI_API_MANIFESTS_DELETE: 'false',
      OCI_API_TAGS_DELETE: 'false',
      OCI_RO_DATA_TAGS: tags.join(' '),
      OCI_RO_DATA_MANIFESTS: manifests.join(' '),
      OCI_RO_DATA_BLOBS: blobs.join(' '),
      OCI_RO_DATA_REFERRERS: subjects.join(' '),
    });
    // Its report in XML is not written without pushes: it fails on tests that did not run.
    return { AIRGAP_CONFORMANCE: first, AIRGAP_CONFORMANCE_NEXT: parseSummary(output) };
  } finally {
    await registry.stop();
  }
}

/** Runs a program of tests. Its exit code says less than its report. @returns what it printed */
async function start(program: string, cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  const options = { cwd, env, extendEnv: false, reject: false, stdin: 'ignore', all: true, timeout: 120_000 } as const;
  return (await execa(program, [], options)).all;
}
