import { AirgapError, combine } from '../../base/errors.ts';
import { chartName } from '../../bundle/format/names.ts';
import { type Target, usesWrittenNames } from '../../naming/naming.ts';
import type { Graph, Root } from '../../oci/graph.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { connect, type RegistryConnection } from '../../session/connect.ts';
import type { Context } from '../../session/context.ts';
import { destinationsFor } from '../../transfer/destinations.ts';
import { noteEquivalents } from '../bundle/bundle-warnings.ts';
import { destinationOf } from '../push/destination.ts';
import type { GraphPlan } from '../push/plan-graph.ts';
import { type PushedGraph, pushGraph } from '../push/push-graph.ts';
import { pushToTargets } from '../push/push-to-targets.ts';
import type { SettingsReport } from '../repository-settings/index.ts';
import {
  type CopiedSettings,
  copiedSettings,
  listSettings,
  type PlannedSettings,
  planSettings,
} from './carried-settings.ts';
import { type MirrorContent, mergeContents } from './content.ts';
import { listContent } from './list-content.ts';
import type { RepositoryImages } from './listing/index.ts';
import type { MirrorOptions } from './options.ts';
import { assertApart, assertNotMirrors, selectImages } from './selected-images.ts';

export type { PlannedSettings } from './carried-settings.ts';

/** Result for one target. */
export interface MirroredGraph extends PushedGraph, Pick<MirrorContent, 'missing'> {
  /** Settings of repositories, if they were to be carried. */
  readonly settings?: SettingsReport;
}

/** Plan for one target. */
export interface MirrorPlan extends GraphPlan, Pick<MirrorContent, 'missing'> {
  readonly settings?: SettingsReport;
}

/** What would be copied. */
export interface ListedMirror {
  readonly repositories: readonly RepositoryImages[];
  /** Settings that would be carried, for each target. */
  readonly settings: readonly PlannedSettings[];
}

/** Called for each target when it is complete. */
type OnTargetDone = (result: MirroredGraph) => Promise<void>;

/**
 * Copies images and charts from registries to targets, reading each blob once for all targets, and verifies every tag that
 * was written. Nothing is stored in between. What a target has already is not read.
 * @returns results in the order of the targets
 * @throws AirgapError of the failed targets
 */
export function mirror(
  context: Context,
  options: MirrorOptions,
  onTargetDone: OnTargetDone,
): Promise<readonly MirroredGraph[]> {
  const { uploadConcurrency: concurrency } = options;
  return withContent(context, options, ({ graph, source, ...content }, { targets, writing, settings }) =>
    pushToTargets(targets, source, async (target, reader) => {
      const isIncomplete = await recheck(context, graph, target, writing, options);
      const carrier = await planSettings(context, writing, target, settings, options);
      try {
        await carrier?.before();
        const pushed = await pushGraph(context, graph, reader ?? source, writing, {
          ...options,
          target,
          concurrency,
          bundles: [],
          coordinator: reader,
          tagsLast: true,
          mountsFromSource: true,
          ...content,
          unchanged: content.unchanged.get(target) ?? [],
          isIncomplete,
          repositories: { ...options.repositories, creation: carrier?.creation },
        });
        const { report, failure } = (await carrier?.after(pushed.created)) ?? {};
        const { missing } = content;
        const result = { ...pushed, ...(report && { settings: report }), ...(missing && { missing }) };
        await onTargetDone(result);
        if (failure !== undefined) throw failure;
        return result;
      } finally {
        await carrier?.close();
      }
    }),
  );
}

/**
 * Plans what {@link mirror} would do with the same options, without writing. @throws AirgapError that `mirror` would throw
 */
export function planMirror(context: Context, options: MirrorOptions): Promise<readonly MirrorPlan[]> {
  const { lists } = options.sources;
  const unwritten = lists && { ...lists, isPlanWritten: false };
  const planned = { ...options, sources: { ...options.sources, lists: unwritten } };
  return withContent(context, planned, async ({ graph, ...content }, { targets, writing, settings }) => {
    const { planGraph } = await import('../push/plan-graph.ts');
    const plans: MirrorPlan[] = [];
    for (const target of targets) {
      const unchanged = content.unchanged.get(target) ?? [];
      const isIncomplete = await recheck(context, graph, target, writing, options);
      const carrier = await planSettings(context, writing, target, settings, options);
      await carrier?.close();
      const plan = await planGraph(context, graph, writing, {
        ...options,
        target,
        ...content,
        unchanged,
        isIncomplete,
      });
      const { missing } = content;
      plans.push({ ...plan, ...(carrier && { settings: carrier.planned() }), ...(missing && { missing }) });
    }
    const errors = content.unread.map(({ error }) => error);
    if (errors.length > 0) throw combine(errors, `${errors.length} images could not be read`);
    return plans;
  });
}

/** Returns a test for images that a target has by their tags, and lacks a part of; undefined without `--recheck`. */
async function recheck(
  { emit, signal }: Context,
  graph: Graph,
  target: Target,
  { client }: RegistryConnection,
  { recheck, concurrency }: MirrorOptions,
): Promise<((root: Root) => boolean) | undefined> {
  if (!recheck) return undefined;
  const { incompleteRoots } = await import('../../transfer/incomplete-roots.ts');
  const destinations = destinationsFor(graph.roots, (reference) => destinationOf(target, reference));
  const incomplete = await incompleteRoots(graph, destinations, client, { concurrency, emit, signal });
  return (root) => incomplete.has(root);
}

/**
 * Lists what would be copied, without asking for manifests. A plan that does not exist is written.
 * @throws AirgapError `usage` for charts and lock files, which other commands list
 */
export async function listMirror(
  context: Context,
  options: Pick<MirrorOptions, 'sources' | 'access' | 'targets' | 'settings' | 'repositories'>,
): Promise<ListedMirror> {
  const { sources, access, targets } = options;
  const { charts, locked, lists } = sources;
  if (lists === undefined) {
    if (charts === undefined && locked === undefined) throw nothingToMirror();
    throw new AirgapError('usage', '--list is for images, registries and plans, not for charts and lock files', {
      hint: 'list the images of charts with helm airgap images',
    });
  }
  const reading = connect(context, access);
  try {
    const repositories = await selectImages(context, reading.client, lists, targets);
    const settings = await listSettings(context, reading, repositories, options);
    return { repositories, settings };
  } finally {
    await reading.client.close();
  }
}

/** Where the content goes. */
interface Ends {
  readonly targets: readonly Target[];
  readonly writing: RegistryConnection;
  /** Settings of the sources, if they are to be carried. */
  readonly settings: CopiedSettings | undefined;
}

/** Reads the content over connections that are closed afterwards. */
async function withContent<R>(
  context: Context,
  options: MirrorOptions,
  work: (content: MirrorContent, ends: Ends) => Promise<R>,
): Promise<R> {
  const { access } = options;
  const reading = connect(context, access);
  const writing = connect(context, { ...access, mirrors: [], isPushTarget: true });
  try {
    const { content, targets } = await readContent(context, reading.client, writing.client, options);
    const sources = content.graph.roots.flatMap(({ reference }) =>
      chartName(reference) === undefined ? [reference] : [],
    );
    assertApart(targets, sources);
    assertNotMirrors(targets, sources, options.access.mirrors);
    const unchanged = [...content.unchanged.values()].flat();
    const all = [...content.graph.roots, ...unchanged].map(({ reference }) => reference);
    const settings = await copiedSettings(context, reading, all, options);
    return await work(content, { targets, writing, settings });
  } finally {
    await Promise.all([reading.client.close(), writing.client.close()]);
  }
}

/** Reads what is to be copied. Charts come first: names in the targets may depend on how they write their images. */
async function readContent(
  context: Context,
  source: RegistryClient,
  sink: RegistryClient,
  options: MirrorOptions,
): Promise<{ readonly content: MirrorContent; readonly targets: readonly Target[] }> {
  const { charts, locked, lists } = options.sources;
  const contents: MirrorContent[] = [];
  if (charts !== undefined || locked !== undefined) {
    const { chartContent } = await import('./chart-content.ts');
    contents.push(await chartContent(context, source, options));
  }
  const names = contents[0]?.writtenNames;
  const targets = options.targets.map((target) => withNames(target, names));
  if (lists !== undefined) {
    const repositories = await selectImages(context, source, lists, targets);
    assertNotMirrors(
      targets,
      repositories.map(({ repository }) => repository),
      options.access.mirrors,
    );
    contents.push(await listContent(context, source, sink, repositories, { ...options, targets }));
  }
  noteEquivalents(context.emit, source.equivalentUse());
  const [first, ...others] = contents;
  if (first === undefined) throw nothingToMirror();
  return { content: others.reduce(mergeContents, first), targets };
}

function nothingToMirror(): AirgapError {
  return new AirgapError('usage', 'there is nothing to mirror', {
    hint: 'give a chart, --image, --images, --lock, --skopeo-sync or --from',
  });
}

/** Completes a target whose naming depends on how charts write their images. @throws AirgapError `usage` without charts */
function withNames(target: Target, writtenNames: Target['writtenNames']): Target {
  if (!usesWrittenNames(target)) return target;
  if (writtenNames !== undefined) return { ...target, writtenNames };
  throw new AirgapError('usage', `--naming ${target.naming} depends on how charts write their images`, {
    hint: 'mirror charts with it, or choose another naming for lists of images',
  });
}
