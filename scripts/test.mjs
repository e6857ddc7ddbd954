/**
 * Runs the test suites. Suites that cannot run here are listed as `not run: SUITE: REASON` and counted as
 * skipped. The last line is `N passed, N failed[, N skipped]`.
 *
 * AIRGAP_CHARTS names a folder with real charts, ../shared/charts unless given; the corpus suite needs it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutCluster } from '../test/support/cluster/requirements.ts';
import { testHelms } from '../test/support/helm.ts';
import { withoutSecondOpinions } from '../test/support/second-opinions.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const charts = resolve(root, process.env.AIRGAP_CHARTS || '../shared/charts');

/**
 * End-to-end tests that depend on the Helm version. The oldest Helm runs all of them, those in between a part, and the
 * newest every end-to-end test.
 */
const BETWEEN = ['journey', 'post-render'];
const OLDEST = [...BETWEEN, 'sources', 'nested', 'image-configs', 'umbrella-chart'];
const helms = testHelms();

/**
 * Suites with `project` instead of `run` share a run of vitest: while tests of one wait for time-outs, those of another use
 * the processor.
 */
const suites = [
  { name: 'types', run: () => command('tsc', ['--noEmit']) },
  { name: 'style', run: () => command('biome', ['check', '--error-on-warnings', '.']) },
  { name: 'unused', run: () => command('knip', ['--no-progress']) },
  { name: 'unit', run: () => vitest(['unit']) },
  { name: 'fuzz', run: () => vitest(['fuzz']) },
  {
    name: 'integration',
    missing: () => withoutHelm() ?? lacking('docker-registry', 'skopeo'),
    project: 'integration',
  },
  { name: 'quirks', project: 'quirks' },
  {
    name: 'interop',
    missing: () => lacking('docker-registry') ?? withoutSecondOpinions(),
    project: 'interop',
  },
  ...helms.map((helm, i) => ({
    name: `e2e with Helm ${helm.version}${of(i).length > 0 ? ` (of it ${of(i).join(', ')})` : ''}`,
    missing: () =>
      helm.path === undefined
        ? `this Helm is missing; set ${helm.variable} to its path`
        : (withoutTests('e2e') ?? lacking('docker-registry', 'skopeo')),
    run: () =>
      vitest(
        ['e2e'],
        { AIRGAP_TEST_HELM: helm.version },
        of(i).map((name) => `test/e2e/${name}.test.ts`),
      ),
  })),
  {
    name: 'corpus',
    missing: () =>
      existsSync(charts)
        ? (withoutHelm() ?? withoutTests('corpus'))
        : `no charts in ${charts}; set AIRGAP_CHARTS to a folder that has some`,
    run: () => vitest(['corpus'], { AIRGAP_CHARTS: charts }),
  },
  {
    name: 'cluster',
    missing: async () => {
      await preparing;
      return withoutHelm() ?? withoutCluster();
    },
    run: () => vitest(['cluster'], { AIRGAP_CHARTS: charts }),
  },
];

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !suites.some((suite) => suite.name.startsWith(name)));
if (unknown !== undefined) {
  console.error(`Unknown suite ${unknown}; suites: ${suites.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

/** @returns whether a suite is wanted */
const isChosen = ({ name }) => chosen.length === 0 || chosen.some((start) => name.startsWith(start));
// Builds Kubernetes with the processor time that the other suites leave: their tests often wait.
const preparing = isChosen({ name: 'cluster' }) ? prepareCluster() : undefined;

const total = { passed: 0, failed: 0, skipped: 0 };
const outcomes = [];
let left = suites.filter(isChosen);
while (left.length > 0) {
  const [next] = left;
  const together = next.project === undefined ? [next] : left.filter(({ project }) => project !== undefined);
  left = left.filter((suite) => !together.includes(suite));
  const running = [];
  for (const suite of together) {
    const reason = await suite.missing?.();
    if (reason === undefined) running.push(suite);
    else {
      total.skipped++;
      outcomes.push(`not run: ${suite.name}: ${reason}`);
    }
  }
  if (running.length === 0) continue;
  console.log(`\n== ${running.map(({ name }) => name).join(', ')}`);
  const started = performance.now();
  const results = next.run?.() ?? vitest(running.map(({ project }) => project));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const time = running.length > 1 ? `${seconds} s together` : `${seconds} s`;
  for (const [i, { name }] of running.entries()) {
    const { passed, failed, skipped } = results[i];
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped.length;
    outcomes.push(`${failed > 0 ? 'failed' : 'passed'}: ${name}: ${count(passed, failed, skipped.length)} (${time})`);
    for (const test of skipped) outcomes.push(`not run: ${name}: ${test.name}: ${test.reason}`);
  }
}
console.log(`\n${outcomes.join('\n')}\n${count(total.passed, total.failed, total.skipped)}`);
process.exitCode = total.failed > 0 ? 1 : 0;

function count(passed, failed, skipped) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Names of the end-to-end tests for the Helm at an index; all if empty. */
function of(i) {
  if (i === helms.length - 1) return [];
  return i === 0 ? OLDEST : BETWEEN;
}

/** Resolves when the programs of the cluster are built, or cannot be. */
async function prepareCluster() {
  const program = join(root, 'test/support/cluster/prepare.ts');
  const child = spawn('nice', ['-n', '19', process.execPath, program], { cwd: root, stdio: 'ignore' });
  await once(child, 'exit').catch(() => {});
}

/** Runs a check that is one program: passed or failed. */
function command(program, args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  return [{ passed: Number(status === 0), failed: Number(status !== 0), skipped: [] }];
}

/** Runs projects of vitest.config.ts. @returns the result of each */
function vitest(projects, env = {}, files = []) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const summary = join(root, '.cache', `summary-${process.pid}.json`);
  const { status } = spawnSync(
    'vitest',
    [
      'run',
      ...files,
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=default',
      '--reporter=test/support/reporter.ts',
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...env, AIRGAP_TEST_SUMMARY: summary } },
  );
  const written = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : {};
  rmSync(summary, { force: true });
  const results = projects.map((project) => written[project] ?? { passed: 0, failed: 1, skipped: [] });
  // A run with another exit code failed even if all its tests passed.
  if (status !== 0 && results.every(({ failed }) => failed === 0)) results[0].failed = 1;
  return results;
}

/** Reason to skip suites that need any Helm; undefined if there is one. */
function withoutHelm() {
  return helms.some((helm) => helm.path !== undefined) ? undefined : 'no Helm here; scripts/setup --tests says why';
}

/** Reason to skip a project of vitest.config.ts without tests. */
function withoutTests(project) {
  return globSync(`test/${project}/**/*.test.ts`, { cwd: root }).length > 0 ? undefined : 'it has no tests';
}

/** Reason to skip a suite whose programs are not on the PATH. */
function lacking(...programs) {
  const missing = programs.filter(
    (program) => !process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, program))),
  );
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}
