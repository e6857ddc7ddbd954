import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selfSigned } from '../../test/support/certificate.ts';
import { CannotRun, defineEvaluation } from '../evaluation.ts';
import { table } from '../page.ts';
import { absent, checkMissing, runOk } from '../programs.ts';
import { CONFORMANCE_PROGRAMS, type ConformanceVariable, missingConformance, runConformance } from './conformance.ts';
import { type Crowd, listBlobs, measureCrowd, measurePulls, type PullCosts, pullTable } from './pulls.ts';
import { type Certificate, SCALES, type Stored, store, type WorkloadName } from './servers.ts';
import type { SuiteResult } from './suite-result.ts';

const TITLES: Readonly<Record<WorkloadName, string>> = { shared: 'shared layers', small: 'small blobs' };

/** Pulls at the same time, for the memory. */
const CROWD = 64;

/** `helm airgap serve` as a registry: the specification's tests, and pulls compared with distribution. */
export const serving = defineEvaluation({
  script: 'serving',
  summary: `Judges \`helm airgap serve\`: compares pulls by skopeo, oras and curl with pulls of the same images from
docker-registry, by HTTP and HTTPS, and the memory with ${CROWD} pulls at a time; or, with --conformance, runs the conformance
tests of the distribution specification, whose programs ${Object.keys(CONFORMANCE_PROGRAMS).join(' and ')} name.
Everything runs on loopback. Needs docker-registry, skopeo, oras, curl and a built plugin; files go to TMPDIR (about 4 GB).`,
  options: {
    rounds: { default: 5, least: 1, help: 'rounds of each pull' },
    conformance: { default: false, help: 'the conformance tests, and nothing else' },
    small: { default: false, help: 'a fiftieth of the size; does not change the page' },
  },

  async measure({ rounds, conformance, small }, folder): Promise<Results> {
    if (conformance) {
      checkMissing(...absent('docker-registry'));
      const missing = missingConformance();
      if (missing.length > 0) throw new CannotRun(`Missing: programs in ${missing.join(' and ')}.`);
      const { AIRGAP_CONFORMANCE = '', AIRGAP_CONFORMANCE_NEXT = '' } = process.env;
      return { suites: await runConformance({ AIRGAP_CONFORMANCE, AIRGAP_CONFORMANCE_NEXT }, folder) };
    }
    checkMissing(...absent('docker-registry', 'skopeo', 'oras', 'curl'));
    const tls = certificate(folder);
    const [rows, sizes, crowds]: [[string, PullCosts][], string[], [string, Crowd][]] = [[], [], []];
    for (const name of Object.keys(SCALES) as WorkloadName[]) {
      console.error(`building the images: ${TITLES[name]}`);
      const stored = await store(name, small ? 0.02 : 1, folder);
      const { workload } = stored;
      sizes.push(
        `* ${TITLES[name]}: ${workload.images.length} images, ${workload.digests.size} blobs, ${(workload.bytes / 1e9).toFixed(2)} GB unique`,
      );
      const pulled = await onServer(stored, (host) => listBlobs(host, workload));
      for (const [scheme, pair] of [
        ['HTTP', undefined],
        ['HTTPS', tls],
      ] as const) {
        rows.push([`${TITLES[name]}, ${scheme}`, await measurePulls(stored, pulled, pair, rounds, folder)]);
        if (name === 'shared') crowds.push([scheme, await measureCrowd(stored, pulled, pair, CROWD, folder)]);
      }
    }
    return { rows, sizes, crowds, versions: versions() };
  },

  report(results, { rounds, conformance, small }, { day, node, cores, load }) {
    if ('suites' in results) {
      const suites = Object.entries(results.suites) as [ConformanceVariable, SuiteResult][];
      return {
        figures: [`${day}; ${node}.`, suiteTable(suites), ...suites.map(passedList)].join('\n\n'),
        section: 'serving (conformance)',
        faults: suites.flatMap(([, { failed }]) => failed),
        isGood: suites.every(([, { failed }]) => failed.length === 0),
      };
    }
    const circumstances = `${day}; ${cores} cores; ${node}, ${results.versions}; ${rounds} rounds; ${load}.`;
    return {
      figures: [circumstances, results.sizes.join('\n'), pullTable(results.rows), crowdTable(results.crowds)].join(
        '\n\n',
      ),
      section: small || conformance ? undefined : 'serving',
      faults: [],
      isGood: true,
    };
  },
});

type Results =
  | { readonly suites: Readonly<Record<ConformanceVariable, SuiteResult>> }
  | {
      readonly rows: readonly (readonly [title: string, costs: PullCosts])[];
      readonly sizes: readonly string[];
      readonly crowds: readonly (readonly [scheme: string, crowd: Crowd])[];
      readonly versions: string;
    };

/** Calls a function with the host of distribution, which runs meanwhile. */
async function onServer<T>(stored: Stored, use: (host: string) => Promise<T>): Promise<T> {
  const server = await stored.start('distribution');
  try {
    return await use(server.host);
  } finally {
    await server.stop();
  }
}

/** Writes a certificate for loopback; skopeo wants a folder with the authority alone. */
function certificate(folder: string): Certificate {
  const { cert, key } = selfSigned();
  const trusted = join(folder, 'trusted');
  mkdirSync(trusted);
  writeFileSync(join(trusted, 'ca.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key, { mode: 0o600 });
  return { cert: join(trusted, 'ca.crt'), key: join(folder, 'tls.key') };
}

function crowdTable(crowds: readonly (readonly [scheme: string, crowd: Crowd])[]): string {
  const head = [
    `${CROWD} images at a time`,
    'connections',
    'memory, serve, MB',
    'memory, distribution, MB',
    'serve, s',
    'distribution, s',
  ];
  return table(
    head,
    crowds.map(([scheme, { connections, memory, seconds }]) => {
      const figures = [
        memory.serve.toFixed(0),
        memory.distribution.toFixed(0),
        seconds.serve.toFixed(1),
        seconds.distribution.toFixed(1),
      ];
      return [`shared layers, ${scheme}`, connections, ...figures];
    }),
  );
}

function suiteTable(suites: readonly (readonly [ConformanceVariable, SuiteResult])[]): string {
  return table(
    ['conformance tests', 'passed', 'failed', 'not run'],
    suites.map(([name, { passed, failed, skipped }]) => [
      CONFORMANCE_PROGRAMS[name],
      passed.length,
      failed.length,
      skipped.length,
    ]),
  );
}

/** Lists what passed and failed, without what all names have in common. */
function passedList([name, { passed, failed }]: readonly [ConformanceVariable, SuiteResult]): string {
  const short = (text: string): string => text.replace(/^OCI Distribution Conformance Tests /, '');
  const lines = (texts: readonly string[]): string[] => [...new Set(texts.map(short))].map((text) => `* ${text}`);
  const bad = failed.length === 0 ? [] : ['Failed:', '', ...lines(failed), ''];
  return [`Tests ${CONFORMANCE_PROGRAMS[name]}:`, '', ...bad, ...lines(passed)].join('\n');
}

function versions(): string {
  const version = (program: string, argument: string): string =>
    /\d+\.\d+\.\d+\S*/.exec(runOk(program, [argument]))?.[0] ?? 'of an unknown version';
  return `skopeo ${version('skopeo', '--version')}, oras ${version('oras', 'version')}, curl ${version('curl', '--version')}, distribution ${version('docker-registry', '--version')}`;
}
