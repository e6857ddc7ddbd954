import { count, firstOf } from '../../base/count.ts';
import { AirgapError, combine } from '../../base/errors.ts';
import { runStep } from '../../base/step.ts';
import { compareText } from '../../base/text-order.ts';
import { textBefore } from '../../base/text-trim.ts';
import type { ImageStreamsDocument, ImageStreamTag } from '../../inventory/image-streams.ts';
import { TAG_CLASSES } from '../../inventory/tag-classes.ts';
import { formatReference } from '../../oci/reference.ts';
import {
  ADDRESS_KINDS,
  type AddressObject,
  addressesIn,
  BUILD_KINDS,
  buildOutputs,
  type ClassifiedTag,
  classifyTags,
  describeOrigin,
  type ExportSource,
  isMoved,
  isPlatformUpload,
  type MoveOptions,
  mergeTags,
  type RegistryAddresses,
  type RegistryRoute,
  readExport,
  STREAM_KINDS,
  sourceOf,
  tagKey,
} from '../../openshift/index.ts';
import type { Context } from '../../session/context.ts';

export interface ImageStreamOptions extends MoveOptions {
  /** Exports of one cluster. */
  readonly sources: readonly ExportSource[];
  /** Public hosts of the internal registry that the user gave. */
  readonly registryRoutes: readonly RegistryRoute[];
  /** Objects of the cluster itself that name the addresses of its registry. */
  readonly clusterObjects?: readonly AddressObject[];
}

/** Tags of image streams, and which of them have to be moved. */
export interface ImageStreamPlan extends ImageStreamsDocument {
  /** Tags of the platform whose images were built or pushed, which the destination does not have by itself. */
  readonly platformUploads: readonly string[];
  /** All addresses of the internal registry. */
  readonly addresses: RegistryAddresses;
  /** Image streams, also those without tags: `NAMESPACE/NAME`, sorted. */
  readonly streams: readonly string[];
}

/**
 * Reads and classifies the tags of exported image streams.
 * @throws AirgapError `config` for each object that cannot be read, and for a tag in two versions; `usage` if there are no image
 *   streams
 */
export async function planImageStreams(
  context: Pick<Context, 'emit'>,
  { sources, registryRoutes, clusterObjects = [], ...move }: ImageStreamOptions,
): Promise<ImageStreamPlan> {
  const names = sources.map(({ name }) => name).join(', ');
  const isWanted = (kind: string): boolean =>
    STREAM_KINDS.has(kind) || BUILD_KINDS.has(kind) || ADDRESS_KINDS.has(kind);
  const objects = await runStep(context.emit, `reading ${names}`, () => readExport(context, sources, isWanted));
  const streams = objects.filter(({ kind }) => STREAM_KINDS.has(kind));
  const { tags, errors, ...known } = mergeTags(streams);
  if (errors.length > 0) throw combine(errors, `${count(errors.length, 'object')} of the export cannot be read`);
  if (streams.length === 0) {
    throw new AirgapError('usage', `${names}: no image streams`, {
      hint: 'export them: oc get imagestreams,buildconfigs,builds -n NAMESPACE -o yaml > export.yaml',
    });
  }
  const addresses = addressesIn([...objects, ...clusterObjects], registryRoutes);
  const registries = new Set([...addresses.internal, ...addresses.routes]);
  const isInternal = (registry: string): boolean => registries.has(registry.toLowerCase());
  const outputs = buildOutputs(objects, isInternal);
  const classified = classifyTags(tags, { isInternal, outputs });
  warnOfUnknownTags(context, known, outputs.keys());
  const planned = classified
    .map((tag) => plannedTag(tag, addresses.route, move))
    .sort((a, b) => compareText(a.name, b.name));
  return {
    registry: { internal: [...addresses.internal], ...(addresses.route !== undefined && { route: addresses.route }) },
    counts: countTags(planned),
    tags: planned,
    platformUploads: classified.filter((tag) => isPlatformUpload(tag, isInternal)).map(tagKey),
    addresses,
    streams: [...known.streams].sort(compareText),
  };
}

/** Warns of image streams that have more tags than the export shows. */
function warnOfUnknownTags(
  { emit }: Pick<Context, 'emit'>,
  { streams, stripped }: Pick<ReturnType<typeof mergeTags>, 'streams' | 'stripped'>,
  written: Iterable<string>,
): void {
  const streamsOf = (names: readonly string[]): string => count(names.length, 'image stream');
  const what = 'without a status in the export, and so without the tags that were built or pushed';
  warn(emit, `${streamsOf(stripped)} ${what} (oc get imagestreams -o yaml has them)`, stripped);
  const missing = [...new Set([...written].map((key) => textBefore(key, ':')))].filter((name) => !streams.has(name));
  warn(emit, `builds write to ${streamsOf(missing)} that the export does not have`, missing);
}

function plannedTag(tag: ClassifiedTag, route: string | undefined, move: MoveOptions): ImageStreamTag {
  const { namespace, origin, path, current, older, follows } = tag;
  const moved = isMoved(tag, move);
  const source = route === undefined ? undefined : sourceOf(tag, route);
  return {
    ...{
      name: tagKey(tag),
      namespace,
      class: tag.class,
      why: tag.why,
      ...(tag.evidence && { evidence: tag.evidence }),
      moved,
    },
    ...(current?.reference && { image: current.reference }),
    ...(current?.digest && { digest: current.digest }),
    ...(moved && source && { source: formatReference(source) }),
    ...(older.length > 0 && { older: older.length }),
    ...(follows && { follows: [...follows] }),
    ...{ file: describeOrigin(origin), path },
  };
}

function countTags(tags: readonly ImageStreamTag[]): ImageStreamsDocument['counts'] {
  const classes = Object.fromEntries(
    TAG_CLASSES.map((one) => [one, tags.filter((tag) => tag.class === one).length]),
  ) as ImageStreamsDocument['counts']['classes'];
  return {
    tags: tags.length,
    moved: tags.filter(({ moved }) => moved).length,
    classes,
    older: tags.reduce((sum, { older = 0 }) => sum + older, 0),
  };
}

/** Maximum number of names in a message. */
const MAX_NAMES = 5;

/** Warns of what is left out although it may be needed, and notes the rest. */
export function reportLeftOut(
  { emit }: Pick<Context, 'emit'>,
  plan: ImageStreamPlan,
  { includePlatform }: MoveOptions,
): void {
  const empty = plan.tags.filter((tag) => tag.class === 'empty').map(({ name }) => name);
  warn(emit, `left out ${count(empty.length, 'tag')} of image streams without an image`, empty);
  const uploads = includePlatform ? [] : plan.platformUploads;
  warn(
    emit,
    `left out ${count(uploads.length, 'tag')} of the platform that ${uploads.length === 1 ? 'was' : 'were'} built or pushed, take with --include-platform`,
    uploads,
  );
}

/** Emits a warning about names, if there are any. */
function warn(emit: Context['emit'], message: string, names: readonly string[]): void {
  if (names.length > 0) emit({ type: 'warning', message: `${message}: ${firstOf(names, MAX_NAMES)}` });
}
