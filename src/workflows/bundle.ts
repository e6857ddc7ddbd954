import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AirgapError, combine } from '../base/errors.ts';
import { type ChartArtifact, chartArtifact } from '../bundle/chart-artifact.ts';
import { type WriteResult, writeBundle } from '../bundle/write.ts';
import type { Finding, Place } from '../lock/finding.ts';
import type { Lock } from '../lock/lock.ts';
import type { Source } from '../oci/content.ts';
import { chartTag } from '../oci/naming.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, tryParseRepository } from '../oci/reference.ts';
import { type WalkFailure, walk } from '../transfer/walk.ts';
import { lockOf } from './bundle-lock.ts';
import { warn } from './bundle-warnings.ts';
import { type Context, withScratch } from './context.ts';
import type { SearchedChart } from './discover.ts';
import { findingsOf, type ImagesOptions, search } from './images.ts';
import { connect, type RegistryAccess } from './registry.ts';

export interface BundleOptions extends ImagesOptions {
  readonly out: string;
  /** Wanted platforms; empty: all. */
  readonly platforms: readonly Platform[];
  readonly access: RegistryAccess;
  readonly concurrency: number;
  /** Replace what is at `out`. */
  readonly force: boolean;
}

export interface BundleResult extends WriteResult {
  readonly lock: Lock;
}

/** Discovers, resolves, pulls, and writes the bundle. Nothing is at `out` before it is complete. */
export function bundle(context: Context, options: BundleOptions): Promise<BundleResult> {
  return withScratch(context, async (scratch) => {
    await checkOutput(options.out);
    const { charts: searched, failures: missing } = await search(context, options, scratch);
    if (missing.length > 0) throw combine(missing, `${missing.length} charts within charts could not be searched`);
    const findings = findingsOf(searched, options).filter(({ confidence }) => confidence !== 'possible');
    if (searched.length === 0 && findings.length === 0) {
      throw new AirgapError('usage', 'there is nothing to bundle', { hint: 'give a chart, --image or --images' });
    }
    warn(
      context.emit,
      searched,
      findings.map(({ reference }) => reference),
    );
    const { client } = connect(context, options.access);
    try {
      context.emit({ type: 'stage', message: `resolving ${findings.length} images` });
      const references = findings.map(({ reference }) => parseReference(reference));
      const { platforms, concurrency } = options;
      const { emit, signal } = context;
      const { graph, failures } = await walk(client, references, { platforms, concurrency, emit, signal });
      if (failures.length > 0) throw unresolved(failures, findings);
      const charts = await Promise.all(searched.map((chart) => artifactOf(chart, client, options, context)));
      const lock = lockOf(searched, charts, findings, graph, platforms);
      const { out: path, force } = options;
      const result = await writeBundle({ path, graph, charts, lock, source: client, concurrency, force, emit, signal });
      return { ...result, lock };
    } finally {
      await client.close();
    }
  });
}

/** What can never become the bundle is told before the work, and not after it. */
async function checkOutput(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new AirgapError('usage', `--out ${path} is a folder`, { hint: 'name a file in it, as in --out bundle.tar' });
  }
  if (!(await stat(dirname(path)).catch(() => undefined))?.isDirectory()) {
    throw new AirgapError('file', `--out ${path}: there is no folder ${dirname(path)}`, {
      hint: 'create it, or name another place with --out',
    });
  }
}

/** Which chart wants what could not be had, and where. */
function unresolved(failures: readonly WalkFailure[], findings: readonly Finding[]): AirgapError {
  const errors = failures.map(({ reference, error }) => {
    const name = formatReference(reference);
    const places = findings.find((finding) => finding.reference === name)?.found ?? [];
    const wanted = places.slice(0, 3).map(describePlace);
    const more = places.length > 3 ? ` and ${places.length - 3} more places` : '';
    const by = wanted.length === 0 ? '' : `, wanted by ${wanted.join(', ')}${more}`;
    const hint = error.hint ?? 'leave it out with --exclude, or name another place for it with --mirror';
    return new AirgapError(error.code, `${error.message}${by}`, { hint, cause: error });
  });
  return combine(errors, `${errors.length} images could not be resolved`);
}

function describePlace({ chart, template, path, how }: Place): string {
  return how === 'added' ? 'the command line' : `chart ${chart} (${template}, ${path})`;
}

/** A chart from an OCI registry stays the artifact that it was there, digest and provenance included. */
async function artifactOf(
  searched: SearchedChart,
  source: Source,
  options: BundleOptions,
  context: Context,
): Promise<ChartArtifact> {
  const { metadata, archive, provenance, request, fetched } = searched.chart;
  const reference = ociReference(fetched.chart, metadata.version);
  if (reference === undefined) {
    const tgz = await readFile(archive);
    return chartArtifact({ metadata, tgz, ...(provenance === undefined ? {} : { provenance }) });
  }
  const { concurrency } = options;
  const { emit, signal } = context;
  const { graph, failures } = await walk(source, [reference], { platforms: [], concurrency, emit, signal });
  const [failure] = failures;
  const [root] = graph.roots;
  if (failure !== undefined) throw failure.error;
  if (root === undefined) throw new AirgapError('chart-not-found', `${request.chart} gave no manifest`);
  return { name: metadata.name, version: metadata.version, descriptor: root.descriptor, content: graph };
}

function ociReference(chart: string, version: string): Reference | undefined {
  if (!chart.startsWith('oci://')) return undefined;
  const name = chart.slice('oci://'.length);
  if (name.includes('@')) return parseReference(name);
  const repository = tryParseRepository(name.replace(/:[^/:]*$/, ''));
  return repository === undefined ? undefined : { ...repository, tag: chartTag(version) };
}
