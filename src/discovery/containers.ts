import { childPath, type FieldPath } from '../base/field-path.ts';
import { isMapping, type Mapping } from '../base/mapping.ts';
import { objectIdentity } from './object-identity.ts';

/** Image of one container or image volume, located by the Kubernetes API. */
export interface ContainerImage {
  /** Path of the field in the document. */
  readonly path: string;
  /** Value of the field; undefined if the field is missing. */
  readonly image: unknown;
}

/** One object of a document (a List contains several) and its container images. */
export interface ObjectImages {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** True for Kubernetes workloads, whose container fields are known. */
  readonly isWorkload: boolean;
  readonly images: readonly ContainerImage[];
}

/** Path of the pod spec in each Kubernetes workload. */
const POD_SPECS: readonly (readonly [group: RegExp, kinds: RegExp, path: readonly string[]])[] = [
  [/^v1$/, /^Pod$/, ['spec']],
  [/^v1$/, /^PodTemplate$/, ['template', 'spec']],
  [/^v1$/, /^ReplicationController$/, ['spec', 'template', 'spec']],
  [/^(?:apps|extensions)\//, /^(?:Deployment|StatefulSet|DaemonSet|ReplicaSet)$/, ['spec', 'template', 'spec']],
  [/^batch\//, /^Job$/, ['spec', 'template', 'spec']],
  [/^batch\//, /^CronJob$/, ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
];
const CONTAINERS = ['initContainers', 'containers', 'ephemeralContainers'];

/** Reports whether objects of this kind can contain containers, or other objects, by the Kubernetes API. */
export function mayHaveContainers(kind: string): boolean {
  return kind.endsWith('List') || POD_SPECS.some(([, kinds]) => kinds.test(kind));
}

/** Returns the objects of a manifest with their container images, located only by the paths of the Kubernetes API. */
export function objectsIn(manifest: unknown, root: FieldPath = { path: '' }): ObjectImages[] {
  if (!isMapping(manifest)) return [];
  const { kind, apiVersion, items } = manifest;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    // Items of a typed list need no kind of their own.
    const itemType = { kind: kind.slice(0, -'List'.length), apiVersion };
    return items.flatMap((item: unknown, i) =>
      isMapping(item) ? objectsIn({ ...itemType, ...item }, childPath(childPath(root, 'items'), i)) : [],
    );
  }
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  const identity = objectIdentity(manifest);
  const path = POD_SPECS.find(([group, kinds]) => group.test(version) && kinds.test(identity.kind))?.[2];
  const images = path === undefined ? [] : imagesIn(manifest, path, root);
  return [{ ...identity, apiVersion: version, isWorkload: path !== undefined, images }];
}

function imagesIn(object: Mapping, path: readonly string[], root: FieldPath): ContainerImage[] {
  let [pod, podPath]: [unknown, FieldPath] = [object, root];
  for (const key of path) [pod, podPath] = [isMapping(pod) ? pod[key] : undefined, childPath(podPath, key)];
  if (!isMapping(pod)) return [];
  const spec = pod;
  const containers = CONTAINERS.flatMap((list) =>
    itemsOf(spec[list]).map(([container, i]): ContainerImage => {
      return { path: childPath(childPath(childPath(podPath, list), i), 'image').path, image: container.image };
    }),
  );
  const volumes = itemsOf(spec.volumes).flatMap(([{ image }, i]): ContainerImage[] => {
    const referencePath = childPath(childPath(childPath(childPath(podPath, 'volumes'), i), 'image'), 'reference');
    return isMapping(image) ? [{ path: referencePath.path, image: image.reference }] : [];
  });
  return [...containers, ...volumes];
}

function itemsOf(list: unknown): [Mapping, number][] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown, i): [Mapping, number][] => (isMapping(item) ? [[item, i]] : []));
}
