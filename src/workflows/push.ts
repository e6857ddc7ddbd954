import { AirgapError, combine } from '../base/errors.ts';
import { settle } from '../base/pool.ts';
import { chartName } from '../bundle/names.ts';
import { type Bundle, openBundle } from '../bundle/read.ts';
import { parseEcrHost } from '../ecr/hosts.ts';
import type { EcrOptions } from '../ecr/options.ts';
import { ensureRepositories } from '../ecr/repositories.ts';
import type { Sink, Source } from '../oci/content.ts';
import { chartRepository, checkCollisions, type Target, targetRepository } from '../oci/naming.ts';
import { formatReference, formatRepository, type Repository, tryParseRepository } from '../oci/reference.ts';
import { type CopyOutcome, type CopyResult, copy } from '../transfer/copy.ts';
import type { Required } from '../transfer/required.ts';
import { walk } from '../transfer/walk.ts';
import type { Context } from './context.ts';
import { connect, type RegistryAccess } from './registry.ts';

export interface PushOptions {
  readonly file: string;
  readonly target: Target;
  readonly access: RegistryAccess;
  readonly concurrency: number;
}

export interface PushResult {
  readonly images: readonly CopyOutcome[];
  readonly charts: readonly CopyOutcome[];
  /** ECR repositories that were made. */
  readonly created: readonly string[];
  readonly blobs: CopyResult['blobs'];
  /** Bytes sent. */
  readonly bytes: number;
}

/** Sends a bundle to a registry, and asks back for every tag that was written. */
export async function push(context: Context, options: PushOptions): Promise<PushResult> {
  const { target, concurrency } = options;
  const { emit, signal } = context;
  const source = await openBundle(options.file);
  try {
    const images = source.images();
    const charts = source.charts();
    checkCollisions(
      target,
      images.map(({ reference }) => reference),
    );
    const references = [...images, ...charts].map(({ reference }) => reference);
    const { graph, failures } = await walk(source, references, {
      platforms: [],
      concurrency,
      emit: quiet(emit),
      signal,
    });
    if (failures.length > 0)
      throw combine(
        failures.map(({ error }) => error),
        `${failures.length} entries of the bundle are damaged`,
      );
    const place = (repository: Repository): Repository => {
      const chart = chartName(repository);
      return chart === undefined ? targetRepository(target, repository) : chartRepository(target, chart);
    };
    const { client, ecr } = connect(context, options.access);
    try {
      const created = await makeRepositories(context, target, ecr, [
        ...new Set(references.map((reference) => place(reference).path)),
      ]);
      const required = requiredOf(source, place, client);
      const result = await copy(graph, source, client, { target: place, concurrency, required, emit, signal });
      const errors = [
        ...result.failures.map(({ error }) => error),
        ...(await readBack(client, result.outcomes, concurrency)),
      ];
      if (errors.length > 0)
        throw combine(errors, `${errors.length} of ${references.length} images and charts could not be pushed`);
      return {
        images: result.outcomes.filter(({ reference }) => chartName(reference) === undefined),
        charts: result.outcomes.filter(({ reference }) => chartName(reference) !== undefined),
        created,
        blobs: result.blobs,
        bytes: result.bytes,
      };
    } finally {
      await client.close();
    }
  } finally {
    await source.close();
  }
}

/** What a delta leaves out. The older bundle was pushed by the same rule of names, so that says where it is. */
function requiredOf(
  bundle: Bundle,
  target: (repository: Repository) => Repository,
  source: Source,
): Required | undefined {
  const lock = bundle.lock();
  if (lock?.since === undefined) return undefined;
  const repositories = (lock.requires ?? []).flatMap(({ digest, repositories: names }) =>
    bundle.entries.has(digest)
      ? []
      : [[digest, names.flatMap((name) => tryParseRepository(name) ?? []).map(target)] as const],
  );
  const hint = `push the older bundle first, whose lock is ${lock.since}, with the same --to and --naming; or carry a whole bundle, made without --since`;
  return { repositories: new Map(repositories), source, hint };
}

/** Only what was sent now is asked for: what was present has just been seen. */
async function readBack(sink: Sink, outcomes: readonly CopyOutcome[], concurrency: number): Promise<AirgapError[]> {
  const sent = outcomes.filter(({ status }) => status === 'pushed');
  const answers = await settle(sent, concurrency, ({ target, digest }) =>
    sink.hasManifest(target, target.tag ?? digest),
  );
  return answers.flatMap((answer, i) => {
    const { target, digest } = sent[i] as CopyOutcome;
    if ('value' in answer && answer.value === digest) return [];
    const got = 'value' in answer ? (answer.value ?? 'nothing') : String(answer.error);
    return [
      new AirgapError('digest-mismatch', `${formatReference(target)} was pushed and reads back as ${got}`, {
        hint: `something else writes to ${formatRepository(target)}, or the registry lost it; push again`,
      }),
    ];
  });
}

/** ECR has no push to create; other registries make repositories themselves. */
async function makeRepositories(
  { emit }: Context,
  target: Target,
  ecr: EcrOptions,
  names: readonly string[],
): Promise<readonly string[]> {
  const host = parseEcrHost(target.registry);
  if (host === undefined) return [];
  emit({ type: 'stage', message: `checking ${names.length} repositories` });
  return (await ensureRepositories(host, names, ecr)).created;
}

/** Reading manifests out of the bundle is no progress worth telling. */
function quiet(emit: Context['emit']): Context['emit'] {
  return (event) => {
    if (event.type !== 'image') emit(event);
  };
}
