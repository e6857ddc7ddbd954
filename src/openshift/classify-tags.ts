import { isIP } from 'node:net';
import { collapseWhitespace } from '../base/printable.ts';
import { textBefore } from '../base/text-trim.ts';
import type { TagClass } from '../inventory/tag-classes.ts';
import { tryParseReference } from '../oci/reference.ts';
import type { BuildOutput } from './build-outputs.ts';
import { type StreamTag, type TagImage, tagKey } from './image-streams.ts';

/** A tag with its class, and the evidence. */
export interface ClassifiedTag extends StreamTag {
  readonly class: TagClass;
  /** Sentence without a full stop. */
  readonly why: string;
  /** File, document and item of the build that is the evidence. */
  readonly evidence?: string;
  /** Tags that it follows, `NAMESPACE/STREAM:TAG`; absent for one that follows none. */
  readonly follows?: readonly string[];
}

/** What the classes depend on besides the tags. */
export interface ClassifyOptions {
  /** Reports whether a registry host is the internal registry, under any of its names. */
  readonly isInternal: (registry: string) => boolean;
  /** What builds write, by `NAMESPACE/STREAM:TAG`. */
  readonly outputs: ReadonlyMap<string, BuildOutput>;
}

/** Namespaces of the platform: names that OpenShift and Kubernetes reserve. */
const PLATFORM_NAMESPACE = /^(?:openshift|openshift-.*|kube-.*)$/;

/** Classes of tags whose images are outside the internal registry, or come with the platform. */
const NOT_MOVED: ReadonlySet<TagClass> = new Set(['public', 'platform']);

/** Maximum number of tags that are followed one after the other. */
const MAX_CHAIN = 20;

/** Returns each tag with its class. A tag that follows another one has its class; the chain may be a circle. */
export function classifyTags(tags: readonly StreamTag[], options: ClassifyOptions): ClassifiedTag[] {
  const classifier = new Classifier(tags, options);
  return tags.map((tag) => ({ ...tag, ...classifier.verdict(tag) }));
}

type Verdict = Pick<ClassifiedTag, 'class' | 'why' | 'evidence' | 'follows'>;

/** An image that a build wrote, by the tag that the build writes. */
interface BuiltImage {
  readonly key: string;
  readonly output: BuildOutput;
}

class Classifier {
  readonly #options: ClassifyOptions;
  readonly #tags: ReadonlyMap<string, StreamTag>;
  /** First tag of a stream that has or had an image, by `NAMESPACE/STREAM@DIGEST`. Made on first use. */
  #byDigest: ReadonlyMap<string, StreamTag> | undefined;
  /** Images that builds wrote, by `NAMESPACE/STREAM@DIGEST`. Made on first use. */
  #built: ReadonlyMap<string, BuiltImage> | undefined;

  constructor(tags: readonly StreamTag[], options: ClassifyOptions) {
    this.#options = options;
    this.#tags = new Map(tags.map((tag) => [tagKey(tag), tag]));
  }

  verdict(tag: StreamTag): Verdict {
    const follows: string[] = [];
    const seen = new Set([tagKey(tag)]);
    let end = tag;
    while (platformReason(end) === undefined && !this.#outputOf(end)) {
      const next = this.#followed(end);
      if (next === undefined) break;
      follows.push(shortKey(next.key));
      if (seen.has(next.key) || follows.length > MAX_CHAIN) {
        const problem = seen.has(next.key) ? 'a circle' : `more than ${MAX_CHAIN} tags`;
        const why = `follows ${follows.slice(0, MAX_CHAIN).join(', which follows ')}: ${problem}`;
        return { ...(tag.current ? this.#byImage(tag, tag.current, why) : { class: 'empty', why }), follows };
      }
      seen.add(next.key);
      if (next.tag === undefined) {
        const why = `follows ${follows.join(', which follows ')}, which the export does not have`;
        return { ...this.#afterLostTag(tag, next.key, why), follows };
      }
      end = next.tag;
    }
    if (follows.length === 0) return this.#own(tag);
    const { class: endClass, why, ...evidence } = this.#own(end);
    const through = `follows ${follows.join(', which follows ')}: ${why}`;
    // A tag keeps its image when what it followed has lost its own, and somebody may push to a tag that follows another one.
    if (tag.current && (endClass === 'empty' || (NOT_MOVED.has(endClass) && this.#isUpload(tag))))
      return { ...this.#byImage(tag, tag.current, through), follows };
    if (endClass !== 'platform' && !hasImage(tag))
      return { class: 'empty', why: `has no image, and ${through}`, follows };
    return { class: endClass, why: through, ...evidence, follows };
  }

  /** Classifies a tag by itself. */
  #own(tag: StreamTag): Verdict {
    const reason = platformReason(tag);
    if (reason !== undefined) return { class: 'platform', why: reason };
    const { current, from, failure } = tag;
    if (current !== undefined) return this.#byImage(tag, current);
    if (failure !== undefined) return { class: 'empty', why: `its import failed: ${oneLine(failure)}` };
    if (hasImage(tag) && from?.kind === 'DockerImage') {
      return this.#byImage(
        tag,
        { reference: from.name },
        tag.isReference ? undefined : 'its digest is unknown, because the object has no status',
      );
    }
    return { class: 'empty', why: from ? `nothing was imported from ${from.name}` : 'nothing was pushed or imported' };
  }

  #byImage(tag: StreamTag, { reference }: { readonly reference: string }, note?: string): Verdict {
    const failed = tag.failure === undefined ? undefined : `its newest import failed: ${oneLine(tag.failure)}`;
    const because = (why: string): string => [why, note, failed].filter((part) => part !== undefined).join('; ');
    const output = this.#options.outputs.get(tagKey(tag));
    const parsed = tryParseReference(reference);
    if (reference === '' || this.#isUpload({ ...tag, current: { reference } })) {
      const same = output === undefined ? this.#sameBuild(tag) : undefined;
      if (same !== undefined) {
        const why = because(`the image of ${same.key}, which ${same.output.builder} writes`);
        return { class: 'built', why, evidence: same.output.where };
      }
      return output === undefined
        ? { class: 'pushed', why: because('in the internal registry, and no build of the export writes it') }
        : { class: 'built', why: because(`${output.builder} writes it`), evidence: output.where };
    }
    const unbuilt = output === undefined ? '' : `; ${output.builder} writes it, but has not yet`;
    const host = parsed?.registry ?? reference;
    if (tag.isReference)
      return { class: 'public', why: because(`reference: true, workloads pull from ${host}${unbuilt}`) };
    if (tag.isLocal)
      return { class: 'mirrored', why: because(`imported from ${host} with referencePolicy Local${unbuilt}`) };
    if (isLocalHost(host))
      return { class: 'mirrored', why: because(`imported from ${host}, an address of the source's network${unbuilt}`) };
    return { class: 'public', why: because(`imported from ${host}, where workloads pull it${unbuilt}`) };
  }

  /**
   * Returns the tag that a build writes and that has or had the image of a tag: one of the same stream, or of the stream that
   * its reference names.
   */
  #sameBuild({ namespace, stream, current }: StreamTag): BuiltImage | undefined {
    if (current?.digest === undefined) return undefined;
    this.#built ??= this.#builtImages();
    const own = this.#built.get(`${namespace}/${stream}@${current.digest}`);
    return own ?? this.#built.get(`${tryParseReference(current.reference)?.path}@${current.digest}`);
  }

  #builtImages(): Map<string, BuiltImage> {
    const { outputs, isInternal } = this.#options;
    const built = new Map<string, BuiltImage>();
    for (const [key, tag] of this.#tags) {
      const output = outputs.get(key);
      if (output === undefined) continue;
      for (const { reference, digest } of imagesOf(tag)) {
        const registry = tryParseReference(reference)?.registry;
        if (registry === undefined || !isInternal(registry)) continue;
        built.set(`${tag.namespace}/${tag.stream}@${digest}`, { key, output });
      }
    }
    return built;
  }

  /** Reports whether the current image is in the internal registry. */
  #isUpload(tag: StreamTag): boolean {
    return isUpload(tag, this.#options.isInternal);
  }

  /** Reports whether a build wrote the current image: it does not follow another tag then, whatever the specification says. */
  #outputOf(tag: StreamTag): boolean {
    return this.#isUpload(tag) && this.#options.outputs.has(tagKey(tag));
  }

  /** Returns the tag that a tag follows, if it follows one. */
  #followed({ from, namespace, stream }: StreamTag): { readonly key: string; readonly tag?: StreamTag } | undefined {
    if (from?.kind === 'ImageStreamTag') {
      // A name without a colon is a tag of the same stream.
      const isOwn = !from.name.includes(':') && from.namespace === namespace;
      const key = `${from.namespace}/${isOwn ? `${stream}:${from.name}` : from.name}`;
      const tag = this.#tags.get(key);
      return { key, ...(tag && { tag }) };
    }
    if (from?.kind !== 'ImageStreamImage') return undefined;
    const image = from.name.includes('@') ? from.name : `${stream}@${from.name}`;
    const key = `${from.namespace}/${image}`;
    this.#byDigest ??= digestIndex(this.#tags.values());
    const tag = this.#byDigest.get(key);
    // A tag may name an image of its own past.
    if (tag !== undefined && tag.namespace === namespace && tag.stream === stream && tag.from === from)
      return undefined;
    return { key, ...(tag && { tag }) };
  }

  /** Classifies a tag that follows one that the export does not have: by the namespace of that, else by its own image. */
  #afterLostTag(tag: StreamTag, followed: string, why: string): Verdict {
    if (PLATFORM_NAMESPACE.test(textBefore(followed, '/')) && !this.#isUpload(tag))
      return { class: 'platform', why: `${why}; it is in a namespace of the platform` };
    return tag.current ? this.#byImage(tag, tag.current, why) : { class: 'empty', why };
  }
}

/** Reports whether a tag has or may have an image: a reference is none of the registry, and an object without a status does not tell. */
function hasImage({ current, isReference, isWithoutStatus }: StreamTag): boolean {
  return current !== undefined || isReference || isWithoutStatus;
}

/** Returns the current and the earlier images. */
function imagesOf({ current, older }: StreamTag): readonly TagImage[] {
  return current === undefined ? older : [current, ...older];
}

/** Shortens the digest of `NAMESPACE/STREAM@DIGEST`. */
function shortKey(key: string): string {
  return key.replace(/(?<=@\w+:\w{12})\w+$/, '');
}

function digestIndex(tags: Iterable<StreamTag>): Map<string, StreamTag> {
  const found = new Map<string, StreamTag>();
  for (const tag of tags) {
    for (const { digest } of imagesOf(tag)) {
      const key = `${tag.namespace}/${tag.stream}@${digest}`;
      // A tag that names the image itself says nothing of its origin.
      if (digest !== undefined && (!found.has(key) || found.get(key)?.from?.kind === 'ImageStreamImage'))
        found.set(key, tag);
    }
  }
  return found;
}

function platformReason({ namespace }: StreamTag): string | undefined {
  return PLATFORM_NAMESPACE.test(namespace) ? `namespace ${namespace} belongs to the platform` : undefined;
}

/** Reports whether a registry is reached in the network of the source alone: a Service, an address, a name without a domain. */
function isLocalHost(registry: string): boolean {
  const name = registry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return isIP(name) > 0 || /(?:\.svc|\.svc\.cluster\.local|\.local|\.internal)$/.test(name) || !name.includes('.');
}

function oneLine(text: string): string {
  return collapseWhitespace(text);
}

/**
 * Reports whether the current image of a tag is in the internal registry: by its host, or because a tag without an origin has
 * the repository of its own stream, which a cluster wrote when its registry had another name.
 */
export function isUpload(
  { current, from, namespace, stream }: StreamTag,
  isInternal: (registry: string) => boolean,
): boolean {
  const parsed = tryParseReference(current?.reference ?? '');
  if (parsed === undefined) return false;
  return isInternal(parsed.registry) || (from === undefined && parsed.path === `${namespace}/${stream}`);
}
