import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { AirgapError, asAirgapError, combine } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { printableLine } from '../../base/printable.ts';
import { runStep } from '../../base/step.ts';
import { type ChartArtifact, chartArtifact } from '../../bundle/format/chart-artifact.ts';
import { helmConfig } from '../../bundle/format/helm-config.ts';
import { chartArchiveReference } from '../../bundle/format/names.ts';
import { readArchive } from '../../helm/chart-archive.ts';
import { isChangedChart } from '../../helm/chart-edit.ts';
import { parseMetadata } from '../../helm/chart-metadata.ts';
import { readMapping } from '../../helm/go-yaml.ts';
import { chartsPath, type Target } from '../../naming/naming.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import { formatReference } from '../../oci/reference.ts';
import type { Context } from '../../session/context.ts';

/** A chart archive to push by itself. */
export interface ChartArchive {
  /** Path as given. */
  readonly path: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly artifact: ChartArtifact;
  /** This tool has changed the chart, which keeps name and version of the upstream chart. */
  readonly isChanged: boolean;
}

/**
 * Reads chart archives, each with the provenance file beside it, as `helm push` does.
 * @param files paths relative to `cwd`
 * @throws AirgapError `file`, `chart-invalid`; `collision` for two archives with the same name and version; `several`
 */
export async function readChartArchives(
  { cwd, emit }: Pick<Context, 'cwd' | 'emit'>,
  files: readonly string[],
): Promise<readonly ChartArchive[]> {
  const archives: ChartArchive[] = [];
  const errors: AirgapError[] = [];
  for (const file of files) {
    try {
      archives.push(
        await runStep(emit, `reading chart ${printableLine(basename(file))}`, () => readOne(resolve(cwd, file), file)),
      );
    } catch (error) {
      errors.push(asAirgapError(error));
    }
  }
  if (errors.length > 0) throw combine(errors, `${errors.length} chart archives cannot be pushed`);
  return distinct(archives);
}

async function readOne(path: string, given: string): Promise<ChartArchive> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new AirgapError('file', `--chart-archive ${given} cannot be read: ${reasonOf(cause)}`, { cause });
  });
  if (!found.isFile()) {
    throw new AirgapError('usage', `--chart-archive ${given} is not a file`, {
      hint: found.isDirectory() ? 'pack it first with helm package' : 'give a chart archive, NAME-VERSION.tgz',
    });
  }
  const { files } = await readArchive(path, /^(?:Chart|requirements)\.yaml$/, given);
  const text = files.get('Chart.yaml')?.toString('utf8');
  if (text === undefined) {
    throw new AirgapError('chart-invalid', `${given} is not a chart archive: it has no Chart.yaml`, {
      hint: 'a chart archive is created by helm package, or by helm airgap values --format chart',
    });
  }
  // Charts of Helm 2 have their dependencies in a file of their own, which Helm reads into the metadata.
  const required = readMapping(files.get('requirements.yaml')?.toString('utf8'));
  const metadata = {
    ...parseMetadata(text, given),
    ...('dependencies' in required && { dependencies: required.dependencies }),
  };
  const tgz = await readFile(path);
  const provenance = await readFile(`${path}.prov`).catch(() => undefined);
  const artifact = chartArtifact({ metadata, tgz, config: helmConfig(metadata), ...(provenance && { provenance }) });
  return { path: given, size: tgz.length, artifact, isChanged: await isChangedChart(path) };
}

/** Leaves out repeated archives. @throws AirgapError `collision` if two of the same name and version differ */
function distinct(archives: readonly ChartArchive[]): readonly ChartArchive[] {
  const byName = Map.groupBy(archives, ({ artifact: { name, version } }) =>
    formatReference(chartArchiveReference(name, version)),
  );
  return [...byName.values()].flatMap(([first, ...others]) => {
    const other = others.find(({ artifact }) => artifact.descriptor.digest !== first?.artifact.descriptor.digest);
    if (first === undefined) return [];
    if (other === undefined) return [first];
    const { name, version } = first.artifact;
    throw new AirgapError('collision', `${first.path} and ${other.path} are both chart ${name} ${version}`, {
      hint: 'push them in two runs, with another --chart-prefix for one of them',
    });
  });
}

/** Returns the graph with chart archives as further roots. Their content is in the graph. */
export function withChartArchives(graph: Graph, archives: readonly ChartArchive[]): Graph {
  const artifacts = archives.map(({ artifact }) => artifact);
  const contents = [graph, ...artifacts.map(({ content }) => content)];
  return {
    ...graph,
    roots: [...graph.roots, ...artifacts.map(rootOf)],
    manifests: new Map(contents.flatMap(({ manifests }) => [...manifests])),
    blobs: new Map(contents.flatMap(({ blobs }) => [...blobs])),
  };
}

function rootOf({ name, version, descriptor }: ChartArtifact): Root {
  return { reference: chartArchiveReference(name, version), descriptor };
}

/**
 * Refuses to push changed charts where upstream charts go: both have the same name and version.
 * @throws AirgapError `usage`
 */
export function checkArchivePrefix(archives: readonly ChartArchive[], target: Target): void {
  const changed = archives.find(({ isChanged }) => isChanged);
  const path = chartsPath(target);
  if (changed === undefined || (target.archivePrefix ?? path) !== path) return;
  const { name, version } = changed.artifact;
  throw new AirgapError(
    'usage',
    `${changed.path} is a changed chart ${name} ${version}, and ${target.registry}/${path} is for upstream charts`,
    { hint: `add --chart-prefix ${installedPrefix(target)}` },
  );
}

/** Returns the path for changed charts that messages propose. */
export function installedPrefix({ prefix }: Pick<Target, 'prefix'>): string {
  return prefix === '' ? 'installed' : `${prefix}/installed`;
}
