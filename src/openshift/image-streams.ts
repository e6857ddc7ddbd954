import * as z from 'zod';
import { type AirgapError, asAirgapError } from '../base/errors.ts';
import { asMapping } from '../base/mapping.ts';
import { isName } from '../base/names.ts';
import { printableLine, quoted } from '../base/printable.ts';
import { compareText } from '../base/text-order.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { tryParseReference } from '../oci/reference.ts';
import { describeOrigin, type ExportedObject, type ObjectOrigin, unreadable } from './exported-objects.ts';

/** An image that a tag had or has: an item of `status.tags[].items`. */
export interface TagImage {
  /** `dockerImageReference`: where the image was imported from, or its name in the internal registry. */
  readonly reference: string;
  /** Absent for a tag that is only a reference, and so was never imported. */
  readonly digest?: Digest;
}

/** Image that a tag follows: `spec.tags[].from`. */
interface TagOrigin {
  readonly kind: string;
  readonly name: string;
  /** That of the image stream if the field has none. */
  readonly namespace: string;
}

/** A tag of an image stream, by specification and status. */
export interface StreamTag {
  readonly namespace: string;
  readonly stream: string;
  readonly tag: string;
  /** Field of the object, such as `status.tags[0]`. */
  readonly path: string;
  readonly origin: ObjectOrigin;
  readonly from?: TagOrigin;
  /** `referencePolicy: Local`: workloads pull from the internal registry. */
  readonly isLocal: boolean;
  /** `reference: true`: never imported; workloads pull from where it points. */
  readonly isReference: boolean;
  /** Current image; absent if none was imported or pushed. */
  readonly current?: TagImage;
  /** Earlier images, the newest first. */
  readonly older: readonly TagImage[];
  /** Message of a failed import. */
  readonly failure?: string;
  /** The object has no status: it was not written by a cluster. */
  readonly isWithoutStatus: boolean;
  /** Repository in the internal registry, `status.dockerImageRepository`. */
  readonly repository?: string;
}

/** Kinds of objects that have tags. */
export const STREAM_KINDS: ReadonlySet<string> = new Set(['ImageStream', 'ImageStreamTag', 'ImageTag']);

const HINT = 'export it again: oc get imagestreams -n NAMESPACE -o yaml';

/** Maximum characters of a reference and of a message that is kept. */
const [MAX_REFERENCE, MAX_MESSAGE] = [2000, 500];

const optional = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined);
/** Lists of Go are null or absent if they are empty. */
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((list) => list ?? []);

const tagName = z.string().refine((text) => isName('tag', text), 'is not a valid tag');
const reference = z
  .string()
  .max(MAX_REFERENCE)
  .refine((text) => text === '' || tryParseReference(text) !== undefined, 'is not an image reference');
const message = z.string().transform((text) => text.slice(0, MAX_MESSAGE));

const fromSchema = z.object({
  kind: z.string(),
  name: z.string().max(MAX_REFERENCE),
  namespace: optional(z.string().refine((text) => text === '' || isName('namespace', text), 'is not a namespace')),
});

const tagReference = z.object({
  name: tagName,
  from: optional(fromSchema),
  reference: optional(z.boolean()),
  referencePolicy: optional(z.object({ type: optional(z.string()) })),
});

const condition = z.object({ type: z.string(), status: z.string(), message: optional(message) });

const tagEvents = z.object({
  tag: tagName,
  items: listOf(z.object({ dockerImageReference: optional(reference), image: optional(z.string()) })),
  conditions: listOf(condition),
});

const imageStream = z.object({
  spec: optional(z.object({ tags: listOf(tagReference) })),
  status: optional(
    z.object({ dockerImageRepository: optional(z.string().max(MAX_REFERENCE)), tags: listOf(tagEvents) }),
  ),
});

const image = optional(
  z.object({ metadata: optional(z.object({ name: optional(z.string()) })), dockerImageReference: optional(reference) }),
);
const imageStreamTag = z.object({
  tag: optional(tagReference.omit({ name: true })),
  conditions: listOf(condition),
  image,
});
const imageTag = z.object({
  spec: optional(tagReference.omit({ name: true })),
  status: optional(tagEvents.omit({ tag: true })),
  image,
});

/**
 * Reads the tags of an ImageStream, an ImageStreamTag or an ImageTag (image.openshift.io/v1, or `v1` of OpenShift 3), each
 * tag of specification and status once.
 * @throws AirgapError `config`: one sentence with file and document
 */
function tagsOf(exported: ExportedObject): StreamTag[] {
  const { kind, namespace, name, object, origin } = exported;
  const colon = kind === 'ImageStream' ? name.length : name.indexOf(':');
  const [stream, ownTag] = [name.slice(0, colon), name.slice(colon + 1)];
  const fail = (problem: string): AirgapError =>
    unreadable(origin, `${kind} ${quoted(nameOf(namespace, name))}: ${printableLine(problem)}`, HINT);
  if (!isName('namespace', namespace)) throw fail('metadata.namespace is not a namespace');
  if (stream.includes('/') || !isName('repository', `${namespace}/${stream}`) || colon < 0)
    throw fail('metadata.name is not the name of one');
  const read = <T extends z.ZodType>(schema: T): z.infer<T> => {
    const result = schema.safeParse(object);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    throw fail(
      `${issue?.path
        .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
        .join('')
        .slice(1)} ${issue?.message}`,
    );
  };
  const common = { namespace, stream, origin };
  if (kind === 'ImageStream') {
    const { spec, status } = read(imageStream);
    const specs = new Map((spec?.tags ?? []).map((tag, index) => [tag.name, { tag, path: `spec.tags[${index}]` }]));
    const events = new Map((status?.tags ?? []).map((tag, index) => [tag.tag, { tag, path: `status.tags[${index}]` }]));
    return [...new Set([...events.keys(), ...specs.keys()])].sort(compareText).map((tag) =>
      streamTag({
        ...{ ...common, tag, isWithoutStatus: isStripped(exported) },
        path: events.get(tag)?.path ?? specs.get(tag)?.path ?? '',
        spec: specs.get(tag)?.tag,
        events: events.get(tag)?.tag,
        repository: status?.dockerImageRepository,
      }),
    );
  }
  if (!isName('tag', ownTag)) throw fail('metadata.name has no valid tag');
  const single = kind === 'ImageTag' ? imageTagParts(read(imageTag)) : imageStreamTagParts(read(imageStreamTag));
  return [streamTag({ ...common, tag: ownTag, isWithoutStatus: false, path: 'image', ...single })];
}

/**
 * Reports whether the status of an ImageStream is no longer there: `oc get --export` and `oc export` of OpenShift 3 leave
 * `dockerImageRepository: ""`.
 */
function isStripped({ object }: ExportedObject): boolean {
  const { dockerImageRepository, tags } = asMapping(object.status);
  return !dockerImageRepository && (!Array.isArray(tags) || tags.length === 0);
}

interface TagParts {
  readonly spec?: Omit<z.infer<typeof tagReference>, 'name'> | undefined;
  readonly events?: Omit<z.infer<typeof tagEvents>, 'tag'> | undefined;
}

function imageStreamTagParts({ tag, conditions, image }: z.infer<typeof imageStreamTag>): TagParts {
  return { spec: tag, events: { conditions, items: itemsOf(image) } };
}

function imageTagParts({ spec, status, image }: z.infer<typeof imageTag>): TagParts {
  return { spec, events: status ?? { conditions: [], items: itemsOf(image) } };
}

function itemsOf(found: z.infer<typeof image>): z.infer<typeof tagEvents>['items'] {
  return found === undefined ? [] : [{ dockerImageReference: found.dockerImageReference, image: found.metadata?.name }];
}

function streamTag({
  spec,
  events,
  repository,
  ...common
}: TagParts &
  Pick<StreamTag, 'namespace' | 'stream' | 'tag' | 'path' | 'origin' | 'isWithoutStatus'> & {
    readonly repository?: string | undefined;
  }): StreamTag {
  const [current, ...older] = (events?.items ?? []).flatMap(tagImage);
  const failed = events?.conditions.find(({ type, status }) => type === 'ImportSuccess' && status === 'False');
  const { from } = spec ?? {};
  return {
    ...common,
    ...(from && { from: { kind: from.kind, name: from.name, namespace: from.namespace || common.namespace } }),
    isLocal: spec?.referencePolicy?.type === 'Local',
    isReference: spec?.reference === true,
    ...(current && { current }),
    older,
    ...(failed && { failure: failed.message ?? 'no reason given' }),
    ...(repository && { repository }),
  };
}

function tagImage({ dockerImageReference = '', image = '' }: z.infer<typeof tagEvents>['items'][number]): TagImage[] {
  const digest = isDigest(image) ? image : tryParseReference(dockerImageReference)?.digest;
  if (dockerImageReference === '' && digest === undefined) return [];
  return [{ reference: dockerImageReference, ...(digest && { digest }) }];
}

/** Merges the tags of all objects: what an ImageStream says goes before what its ImageStreamTags repeat. */
export function mergeTags(objects: readonly ExportedObject[]): {
  readonly tags: StreamTag[];
  readonly errors: AirgapError[];
  /** Image streams by `NAMESPACE/NAME`, also those without tags. */
  readonly streams: ReadonlySet<string>;
  /** Those without a status: the tags that were built or pushed are unknown. */
  readonly stripped: readonly string[];
} {
  const tags = new Map<string, StreamTag>();
  const errors: AirgapError[] = [];
  const streams = new Map<string, ExportedObject>();
  const ordered = [...objects].sort((a, b) => RANKS.indexOf(a.kind) - RANKS.indexOf(b.kind));
  for (const exported of ordered) {
    const name = nameOf(exported.namespace, exported.name);
    if (exported.kind === 'ImageStream') {
      const other = streams.get(name);
      if (other !== undefined && isSame(other, exported)) continue;
      if (other !== undefined) {
        const hint = 'give the folder of one export of one cluster';
        const where = describeOrigin(other.origin);
        errors.push(
          unreadable(exported.origin, `ImageStream ${quoted(name)} is also in ${where}, with other content`, hint),
        );
        continue;
      }
      streams.set(name, exported);
    }
    try {
      for (const tag of tagsOf(exported)) {
        const key = tagKey(tag);
        const earlier = tags.get(key);
        if (earlier === undefined || (earlier.isWithoutStatus && tag.current !== undefined)) tags.set(key, tag);
      }
    } catch (error) {
      errors.push(asAirgapError(error));
    }
  }
  const stripped = [...streams].flatMap(([name, exported]) => (isStripped(exported) ? [name] : []));
  const names = [...tags.values()].map(({ namespace, stream }) => `${namespace}/${stream}`);
  return { tags: [...tags.values()], errors, streams: new Set([...streams.keys(), ...names]), stripped };
}

const RANKS = ['ImageStream', 'ImageTag', 'ImageStreamTag'];

function isSame(one: ExportedObject, other: ExportedObject): boolean {
  return (
    JSON.stringify([one.object.spec, one.object.status]) === JSON.stringify([other.object.spec, other.object.status])
  );
}

/** Returns `NAMESPACE/STREAM:TAG`. */
export function tagKey({ namespace, stream, tag }: Pick<StreamTag, 'namespace' | 'stream' | 'tag'>): string {
  return `${namespace}/${stream}:${tag}`;
}

function nameOf(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
