import type { RenderedDocument } from '../../helm/documents.ts';
import { kindOf } from '../../helm/head.ts';
import { tryParseReference } from '../../oci/reference.ts';
import { isMapping, type Mapping } from '../entry.ts';
import type { PlaceFound } from '../place.ts';
import { releaseOf } from './version.ts';

/** A container that runs an operator. */
export interface Operator {
  /** Of its image. */
  readonly place: PlaceFound;
  readonly tag: string | undefined;
  /** `major.minor.patch`, where the render says it. */
  readonly release: string | undefined;
  /** Repository of its image without the last component, as written. */
  readonly folder: string;
  /** Environment variables; empty text for those that take their value from elsewhere. */
  readonly env: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

/** Kinds that run an operator; a hook's Job often uses the same image for something else. */
const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

/**
 * The workload that may run an operator and has a place in it, also one in a List; undefined for other kinds.
 * @returns the object, and the place's path in it
 */
export function workloadOf(
  place: PlaceFound,
  documents: readonly RenderedDocument[],
): { readonly object: Mapping; readonly path: string } | undefined {
  const isList = place.kind.endsWith('List');
  if (!isList && !WORKLOADS.has(place.kind)) return undefined;
  const whole = documents.find(({ template, index }) => template === place.template && index === place.document);
  const root = isList ? (/^(?:items\[\d+\]\.)+/.exec(place.path)?.[0] ?? '') : '';
  const object = root === '' ? whole?.object : valueAt(whole?.object, root.slice(0, -1));
  if (!isMapping(object)) return undefined;
  // Items of a typed list need no kind of their own.
  const kind = typeof object.kind === 'string' ? object.kind : place.kind.slice(0, -'List'.length);
  return WORKLOADS.has(kind) ? { object, path: place.path.slice(root.length) } : undefined;
}

/** The containers of a render whose image is one of `repositories`, whatever registry or mirror stands in front of it. */
export function findOperators(
  repositories: readonly string[],
  places: readonly PlaceFound[],
  documents: readonly RenderedDocument[],
  appVersion: string | undefined,
): Operator[] {
  return places.flatMap((place) => {
    if (place.how !== 'pod-spec' || place.within !== undefined) return [];
    if (!/\.containers\[\d+\]\.image$/.test(place.path)) return [];
    const { registry, path, tag } = tryParseReference(place.reference) ?? {};
    const name = `${registry}/${path}`;
    if (!repositories.some((repository) => name === repository || name.endsWith(`/${repository}`))) return [];
    const workload = workloadOf(place, documents);
    const container = valueAt(workload?.object, workload?.path.replace(/\.image$/, '') ?? '');
    if (workload === undefined || !isMapping(container)) return [];
    const { object } = workload;
    const label = textAt(object, 'metadata.labels["app.kubernetes.io/version"]');
    return [
      {
        place,
        tag,
        release: releaseOf(tag) ?? releaseOf(label) ?? releaseOf(isOfRoot(place.template) ? appVersion : undefined),
        folder: name.slice(0, name.lastIndexOf('/')),
        env: environmentOf(container),
        args: [container.command, container.args].flat().filter((word) => typeof word === 'string'),
      },
    ];
  });
}

/** Whether a template is the rendered chart's own and not a subchart's, whose appVersion nobody told us. */
export function isOfRoot(template: string): boolean {
  return /^[^/]+\/templates\//.test(template);
}

/** Value of `--flag value` or `--flag=value`; undefined when the flag is not there. */
export function argumentOf(args: readonly string[], flag: string): string | undefined {
  const at = args.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
  const word = args[at];
  if (word === undefined) return undefined;
  return word === flag ? (args[at + 1] ?? '') : word.slice(flag.length + 1);
}

/** A document with what it holds. */
export interface Resource {
  readonly document: RenderedDocument;
  readonly object: Mapping;
}

/** Documents by their kind. */
export type Kinds = ReadonlyMap<string, readonly RenderedDocument[]>;

/** Sorts documents by kind without parsing YAML: most of a large chart are CRDs. */
export function indexKinds(documents: readonly RenderedDocument[]): Kinds {
  return Map.groupBy(documents, kindOf);
}

/** Resources of one kind and API group. */
export function ofKind(kinds: Kinds, group: string, kind: string): Resource[] {
  return (kinds.get(kind) ?? []).flatMap((document) => {
    const { object } = document;
    return String(object?.apiVersion).startsWith(`${group}/`) && object !== undefined ? [{ document, object }] : [];
  });
}

/** Whether a ConfigMap of the render sets this key. */
export function hasConfigKey(kinds: Kinds, key: string): boolean {
  const maps = kinds.get('ConfigMap') ?? [];
  return maps.some((map) => {
    // Only a text that has the key is worth parsing.
    const data = map.text.includes(key) ? map.object?.data : undefined;
    return isMapping(data) && Boolean(data[key]);
  });
}

/** Text or number at a field's path, as text. */
export function textAt(object: unknown, path: string): string | undefined {
  const value = valueAt(object, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** Value at a path as places have it: `spec.containers[0].image`, `data["a.yaml"]`. */
export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const [, index, quoted, key] of path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g)) {
    if (index !== undefined) value = Array.isArray(value) ? value[Number(index)] : undefined;
    else value = isMapping(value) ? value[quoted === undefined ? (key ?? '') : JSON.parse(quoted)] : undefined;
  }
  return value;
}

function environmentOf({ env }: Mapping): Map<string, string> {
  const list = Array.isArray(env) ? env.filter(isMapping) : [];
  return new Map(
    list.flatMap(({ name, value }) =>
      typeof name === 'string' && value !== '' ? [[name, typeof value === 'string' ? value : '']] : [],
    ),
  );
}
