import { firstOf } from '../../base/count.ts';
import { AirgapError } from '../../base/errors.ts';
import { checkOutput } from '../../base/output-file.ts';
import { withRunLock } from '../../base/run-lock.ts';
import { type OpenOptions, openCheckedBundle } from '../../bundle/open.ts';
import { type Bundle, bundledReferrers } from '../../bundle/reading/bundle.ts';
import { writeBundle } from '../../bundle/write.ts';
import { type BlobFile, writeBlobFiles } from '../../bundle/writing/blob-files.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import { referenceMatcher } from '../../oci/reference-matcher.ts';
import type { Context } from '../../session/context.ts';
import { Walker } from '../../transfer/walk.ts';
import { chartBlobs, chartsIn } from '../values/bundled-charts.ts';
import { selectPlatform } from './select-platform.ts';

/** Chart or image to extract from a bundle. */
export type ExtractSelection =
  /** `name` or `name@version`. */
  { readonly chart: string } | ImageSelection;

/** Image to extract. */
interface ImageSelection {
  /** Pattern (pattern.ts) that matches exactly one image. */
  readonly image: string;
  /** Platform to extract; all platforms if absent. */
  readonly platform?: Platform;
  /** Include signatures and attestations (the image's referrers). */
  readonly referrers: boolean;
}

export interface ExtractOptions extends Pick<OpenOptions, 'signers'> {
  readonly file: string;
  readonly selection: ExtractSelection;
  readonly out: string;
  /** Overwrite an existing file at `out`. */
  readonly force: boolean;
  /** Number of blobs read concurrently. */
  readonly concurrency: number;
}

export interface Extraction {
  /** `up-to-date`: the file already had the same content and was not written. */
  readonly status: 'written' | 'up-to-date';
  readonly type: 'chart' | 'image';
  /** `name@version` of a chart, or the full reference of an image. */
  readonly name: string;
  /** Digest of the chart archive, or of the image's manifest or index. */
  readonly digest: Digest;
  /** Number of referrers (signatures, attestations) in the image's archive. */
  readonly referrers: number;
  /** Written files; a chart's provenance file follows the chart. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

/**
 * Extracts one chart or one image from a bundle: the original chart archive with its provenance in `OUT.prov`, or the
 * image with its referrers as an OCI image layout in a tar, which `docker load` accepts too. Content is verified, and
 * `out` appears only once it is complete.
 * @throws AirgapError `chart-not-found` and `image-not-found` with a list of the content, `digest-mismatch` for a
 *   damaged bundle, `output-exists`, `no-space`, `interrupted`
 */
export async function extract(context: Context, options: ExtractOptions): Promise<Extraction> {
  await checkOutput(options.out, '--out');
  return withRunLock(options.out, () => extractLocked(context, options));
}

async function extractLocked(context: Context, options: ExtractOptions): Promise<Extraction> {
  const source = await openCheckedBundle(options.file, { signers: options.signers, emit: context.emit });
  try {
    return 'chart' in options.selection
      ? await extractChart(context, source, options.selection.chart, options)
      : await extractImage(context, source, options.selection, options);
  } catch (error) {
    const prefix = `${source.path} is damaged`;
    if (!(error instanceof AirgapError) || error.code !== 'digest-mismatch' || error.message.includes(prefix))
      throw error;
    throw new AirgapError('digest-mismatch', `${prefix}: ${error.message}`, {
      hint: 'copy the bundle again; helm airgap verify lists all damaged content',
      cause: error,
    });
  } finally {
    await source.close();
  }
}

async function extractChart(
  { emit, signal }: Context,
  source: Bundle,
  name: string,
  { out, force }: ExtractOptions,
): Promise<Extraction> {
  const [chart] = chartsIn(source, { chart: name });
  if (chart === undefined) throw new AirgapError('chart-not-found', `bundle ${source.path} contains no chart ${name}`);
  const { archive, provenance } = await chartBlobs(source, chart);
  const repositories = [chart.reference];
  const files: BlobFile[] = [{ path: out, node: { descriptor: archive, repositories } }];
  if (provenance !== undefined) files.push({ path: `${out}.prov`, node: { descriptor: provenance, repositories } });
  const status = await writeBlobFiles(files, { source, force, emit, signal });
  return {
    status,
    type: 'chart',
    name: `${chart.name}@${chart.version}`,
    digest: archive.digest,
    referrers: 0,
    files: files.map(({ path, node }) => ({ path, bytes: node.descriptor.size })),
  };
}

async function extractImage(
  { emit, signal }: Context,
  source: Bundle,
  { image, platform, referrers }: ImageSelection,
  { out, force, concurrency }: ExtractOptions,
): Promise<Extraction> {
  const root = findImage(source, image);
  const walker = new Walker(source, { platforms: [], concurrency, signal });
  const [failure] = await walker.add([root.reference]);
  if (failure !== undefined) throw failure.error;
  const whole = walker.graph();
  const images: Graph = platform === undefined ? whole : await selectPlatform(source, whole, root, platform);
  const graph = referrers ? await withReferrers(source, images, concurrency, signal) : images;
  // Reading a missing blob raises the bundle's own error, before anything is written.
  for (const { descriptor } of graph.blobs.values()) {
    if (!source.entries.has(descriptor.digest)) await source.read(descriptor);
  }
  const writeOptions = { source, concurrency, force, emit, signal };
  const { status, path, size } = await writeBundle({ path: out, graph, charts: [], ...writeOptions });
  const { reference, descriptor } = graph.roots[0] as Root;
  return {
    status,
    type: 'image',
    name: formatReference(reference),
    digest: descriptor.digest,
    referrers: graph.referrers?.length ?? 0,
    files: [{ path, bytes: size }],
  };
}

/** Adds the root's referrers that the bundle holds to the graph. */
async function withReferrers(
  source: Bundle,
  images: Graph,
  concurrency: number,
  signal: AbortSignal | undefined,
): Promise<Graph> {
  const walker = new Walker(source, { platforms: [], concurrency, signal });
  const { failures } = await walker.attach(bundledReferrers(images, source));
  const [failure] = failures;
  if (failure !== undefined) throw failure.error;
  const { manifests, blobs, referrers = [] } = walker.graph();
  return {
    ...images,
    manifests: new Map([...images.manifests, ...manifests]),
    blobs: new Map([...images.blobs, ...blobs]),
    referrers,
  };
}

/** Maximum number of names listed in a hint. */
const MAX_LISTED = 20;

/**
 * Finds the one image that matches a pattern.
 * @throws AirgapError `image-not-found` with the names of the bundle's images
 */
function findImage(source: Bundle, pattern: string): Root {
  const matches = referenceMatcher(pattern);
  const all = source.images().map((root) => ({ root, name: formatReference(root.reference) }));
  const matching = all.filter(({ name }) => matches(name));
  // An exact name wins over longer ones that begin with it: `a:1` and `a:1@sha256:…`.
  const spellings = [pattern, `docker.io/${pattern}`, `docker.io/library/${pattern}`];
  const exact = matching.filter(({ name }) => spellings.includes(name));
  const [match, ...others] = exact.length === 1 ? exact : matching;
  if (match !== undefined && others.length === 0) return match.root;
  const names = (match === undefined ? all : matching).map(({ name }) => name);
  const list = firstOf(names, MAX_LISTED);
  const what = match === undefined ? `no image ${pattern}` : `${matching.length} images that match ${pattern}`;
  throw new AirgapError('image-not-found', `bundle ${source.path} contains ${what}`, {
    hint:
      names.length === 0
        ? 'the bundle contains no images'
        : `${match === undefined ? 'it contains' : 'name one of'} ${list}`,
  });
}
