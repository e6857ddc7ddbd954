import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import { DEPTH_LIMIT, isJsonTooDeep } from '../base/depth.ts';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { isMapping } from '../base/mapping.ts';
import { isName } from '../base/names.ts';
import { quoted } from '../base/printable.ts';
import { readYamlValues } from '../base/yaml-read.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';
import { type ImageState, imageState } from './image-state.ts';
import { type ClusterAccess, type KubectlContext, kubectl, OUTPUT_LIMIT } from './kubectl.ts';

/** An image that a Pod names, and what its node did with it. */
export interface PodImage extends ImageState {
  /** Name of the container, or of the volume. */
  readonly container: string;
  /** List of the Pod's specification that has it. */
  readonly kind: 'initContainers' | 'containers' | 'ephemeralContainers' | 'volumes';
  /** Field of the Pod, such as `spec.containers[0].image`. */
  readonly path: string;
  /** As written. */
  readonly image: string;
  /** Digest that the runtime reports: of an index, of a manifest, or of a config if it knows no other. */
  readonly digest?: Digest;
  /** `registry/path@digest` that the runtime reports: what a registry has. Absent if it reports only an ID of its own. */
  readonly running?: string;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  /** First owner, such as a ReplicaSet or a Job; `Node` for a static Pod. */
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly node?: string;
  readonly imagePullSecrets: readonly string[];
  readonly images: readonly PodImage[];
}

/** Where Pods are read: from a cluster, or from a file (`-` for standard input). */
export type PodSource = { readonly cluster: ClusterAccess } | { readonly file: string };

/** Context of a run that reads Pods. */
export interface PodContext extends KubectlContext {
  /** Reads standard input to its end. */
  readonly readInput: () => Promise<Uint8Array>;
  /** Lets an interrupt end the process while it is busy parsing. */
  readonly watchInterrupts?: () => void;
}

/** Texts of this many characters, those of about 300 Pods, are parsed without watching for interrupts. */
const MAX_BLOCKING_TEXT = 4 * 1024 ** 2;

const CLUSTER = 'the answer of the cluster';

/** Command that makes a file of Pods. */
const COMMAND = 'kubectl get pods -A -o json';

const LARGER = `is larger than ${OUTPUT_LIMIT / 1024 ** 2} MiB`;

/** Maximum bytes of YAML, whose parser needs much more time and memory than that of JSON. */
const YAML_LIMIT = 32 * 1024 ** 2;

/**
 * Reads Pods: a list or single ones, in JSON or YAML.
 * @throws AirgapError `config` if a file holds none, `file` if it cannot be read, `cluster`
 */
export async function readPods(context: PodContext, source: PodSource): Promise<readonly Pod[]> {
  const { text, where } = await readText(context, source);
  if (text.length > MAX_BLOCKING_TEXT) context.watchInterrupts?.();
  return parsePods(text, where);
}

async function readText(
  context: PodContext,
  source: PodSource,
): Promise<{ readonly text: string; readonly where: string }> {
  if ('cluster' in source) {
    const text = await kubectl(context, source.cluster, ['get', 'pods', '--all-namespaces', '--output=json'], {
      what: 'the Pods of the cluster',
      instead: `have somebody run ${COMMAND} > pods.json, and give --pods pods.json`,
    });
    return { text, where: CLUSTER };
  }
  const { file } = source;
  if (file === '-') {
    const bytes = await context.readInput();
    if (bytes.length > OUTPUT_LIMIT) throw notPods('standard input', LARGER);
    return { text: Buffer.from(bytes).toString('utf8'), where: 'standard input' };
  }
  const path = resolve(context.cwd, file);
  const failed = (cause: unknown): AirgapError =>
    new AirgapError('file', `cannot read the Pods in ${file}: ${reasonOf(cause)}`, {
      hint: `make the file with ${COMMAND} > ${file}`,
      cause,
    });
  const found = await stat(path).catch((error: unknown) => {
    throw failed(error);
  });
  // A pipe without a writer would block, and a device may have no end. An interrupt would not end that.
  if (!found.isFile() && !found.isDirectory())
    throw notPods(file, 'is not a file; give it as standard input (--pods -)');
  if (found.size > OUTPUT_LIMIT) throw notPods(file, LARGER);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw failed(error);
  });
  return { text, where: file };
}

/**
 * Reads the text of a Pod list (kind List or PodList) or of Pods, in JSON or YAML. Objects of other kinds in a list are left
 * out.
 * @param where file, for messages
 * @throws AirgapError `config` if it has no Pod, with the command that makes such a file
 */
export function parsePods(text: string, where: string): readonly Pod[] {
  const documents = parseDocuments(text.replace(/^\ufeff/, ''), where);
  const items = documents.flatMap((document): unknown[] => {
    if (!isMapping(document)) return [];
    const { kind, items } = document;
    if ((kind === 'List' || kind === 'PodList') && Array.isArray(items)) {
      // The API answers a question with a limit so, as kubectl get --raw shows it.
      if (isMapping(document.metadata) && document.metadata.continue)
        throw notPods(where, 'is only a part of the list');
      // The items of a PodList of the API have no kind.
      return items.filter((item) => kind === 'PodList' || kindOf(item) === 'Pod');
    }
    return kind === 'Pod' ? [document] : [];
  });
  if (items.length === 0) throw notPods(where, `has no Pod${describeKinds(documents)}`);
  return items.map((item, index) => {
    const result = podSchema.safeParse(item);
    if (result.success) return podOf(result.data);
    const [issue] = result.error.issues;
    throw notPods(where, `has an invalid Pod: item ${index}, ${issue?.path.join('.')}: ${issue?.message}`);
  });
}

function parseDocuments(text: string, where: string): readonly unknown[] {
  if (/^\s*[{[]/.test(text)) {
    if (isJsonTooDeep(text)) throw notPods(where, `nests deeper than ${DEPTH_LIMIT} levels`);
    try {
      return [JSON.parse(text)];
    } catch {
      // A mapping of YAML may begin with a brace too.
    }
  }
  if (text.length > YAML_LIMIT) throw notPods(where, `is larger than ${YAML_LIMIT / 1024 ** 2} MiB and not JSON`);
  const values = readYamlValues(text);
  if (values === undefined) throw notPods(where, 'is neither JSON nor YAML');
  return values;
}

function kindOf(value: unknown): string | undefined {
  return isMapping(value) && typeof value.kind === 'string' ? value.kind : undefined;
}

/** Says what a file without Pods has instead. */
function describeKinds(documents: readonly unknown[]): string {
  const items = documents.flatMap((document) => {
    const list = isMapping(document) && Array.isArray(document.items) ? (document.items as unknown[]) : [];
    return list.length > 0 ? list : [document];
  });
  const kinds = [...new Set(items.map(kindOf))].filter((kind) => kind !== undefined);
  return kinds.length === 0 ? '' : `, but ${quoted(kinds.slice(0, 3).join(', '))}`;
}

function notPods(where: string, what: string): AirgapError {
  if (where === CLUSTER) {
    return new AirgapError('cluster', `${CLUSTER} ${what}`, {
      hint: 'check that it is the right cluster (kubectl config current-context), or choose another one with --context',
    });
  }
  return new AirgapError('config', `--pods: ${where} ${what}`, { hint: `make the file with ${COMMAND}` });
}

const optionalText = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

/** Lists of Go are null or absent if they are empty. */
function listOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .nullish()
    .transform((list) => list ?? []);
}

const name = z.string().refine((text) => isName('object name', text), 'not a name of Kubernetes');

/** An image has no limit in Kubernetes; registries accept fewer characters. */
const image = z.string().max(2000).nullish();

const container = z.object({ name, image });

const stateSchema = z
  .object({
    waiting: z.object({ reason: optionalText, message: optionalText }).nullish(),
    running: z.object({}).nullish(),
    terminated: z.object({ reason: optionalText }).nullish(),
  })
  .nullish()
  .transform((state) => state ?? {});

const containerStatus = z.object({ name, imageID: optionalText, state: stateSchema, lastState: stateSchema });

const podSchema = z.object({
  metadata: z.object({
    name,
    namespace: name.nullish(),
    deletionTimestamp: z.string().nullish(),
    ownerReferences: listOf(z.object({ kind: z.string().max(200), name: z.string().max(253) })),
  }),
  spec: z.object({
    nodeName: name.or(z.literal('')).nullish(),
    // An entry without a name is legal and does nothing.
    imagePullSecrets: listOf(z.object({ name: optionalText })),
    initContainers: listOf(container),
    containers: listOf(container),
    ephemeralContainers: listOf(container),
    volumes: listOf(z.object({ name, image: z.object({ reference: image }).nullish() })),
  }),
  status: z
    .object({
      phase: optionalText,
      conditions: listOf(
        z.object({ type: z.string(), status: z.string(), reason: optionalText, message: optionalText }),
      ),
      initContainerStatuses: listOf(containerStatus),
      containerStatuses: listOf(containerStatus),
      ephemeralContainerStatuses: listOf(containerStatus),
    })
    .nullish(),
});

type PodObject = z.infer<typeof podSchema>;

function podOf({ metadata, spec, status }: PodObject): Pod {
  const statuses = {
    initContainers: status?.initContainerStatuses ?? [],
    containers: status?.containerStatuses ?? [],
    ephemeralContainers: status?.ephemeralContainerStatuses ?? [],
  };
  const unscheduled = status?.conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  const hasEnded =
    status?.phase === 'Succeeded' || status?.phase === 'Failed' || typeof metadata.deletionTimestamp === 'string';
  const images = (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((kind) => {
    const byName = new Map(statuses[kind].map((entry) => [entry.name, entry]));
    return spec[kind].map(({ name, image }, index): PodImage => {
      const found = byName.get(name);
      const digest = digestOf(found?.imageID ?? '');
      const running = repositoryDigestOf(found?.imageID ?? '');
      return {
        container: name,
        kind,
        path: `spec.${kind}[${index}].image`,
        image: image ?? '',
        ...imageState(found, unscheduled, hasEnded),
        ...(digest && { digest }),
        ...(running !== undefined && { running }),
      };
    });
  });
  const isStarted = images.some(({ state }) => state === 'pulled');
  const volumes = spec.volumes.flatMap(({ name, image }, index): PodImage[] => {
    if (!image?.reference) return [];
    // A volume has no status of its own. The kubelet pulls it before it starts any container.
    const state = isStarted ? 'pulled' : hasEnded ? 'ended' : 'waiting';
    const path = `spec.volumes[${index}].image.reference`;
    return [{ container: name, kind: 'volumes', path, image: image.reference, state }];
  });
  const [owner] = metadata.ownerReferences;
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    ...(owner && { owner }),
    ...(spec.nodeName && { node: spec.nodeName }),
    imagePullSecrets: spec.imagePullSecrets.map(({ name }) => name).filter((name) => name !== ''),
    images: [...images, ...volumes],
  };
}

/**
 * Returns the digest of `registry/path@sha256:…`, `docker-pullable://…@sha256:…` or `sha256:…`. CRI-O may report an ID of its
 * own without an algorithm (github.com/cri-o/cri-o/pull/7149), which is not always a digest.
 */
function digestOf(imageId: string): Digest | undefined {
  const text = imageId.slice(imageId.lastIndexOf('@') + 1).replace(/^docker(?:-pullable)?:\/\//, '');
  return isDigest(text) ? text : undefined;
}

/** Returns the reference of `registry/path@sha256:…` or `docker-pullable://…`, whose digest is one of a registry. */
function repositoryDigestOf(imageId: string): string | undefined {
  if (!imageId.includes('@')) return undefined;
  const reference = tryParseReference(imageId.replace(/^docker-pullable:\/\//, ''));
  return reference?.digest === undefined ? undefined : formatReference(reference);
}
