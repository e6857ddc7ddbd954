import type { RenderedDocument } from '../../helm/documents.ts';
import { kindOf } from '../../helm/head.ts';
import { tryParseReference } from '../../oci/reference.ts';
import { isMapping, type Mapping } from '../entry.ts';
import type { PlaceFound } from '../place.ts';
import { releaseOf } from './version.ts';

/** A container that runs an operator. */
export interface Operator {
  /** Reference of its image. */
  readonly place: PlaceFound;
  readonly tag: string | undefined;
  /** `major.minor.patch`, if the render contains it. */
  readonly release: string | undefined;
  /** Repository of its image without the last component, as written. */
  readonly folder: string;
  /** Environment variables; empty text for those with `valueFrom`. */
  readonly env: ReadonlyMap<string, string>;
  readonly args: readonly string[];
}

/** Kinds that run operators. Jobs are excluded: hooks often use the operator's image for something else. */
const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet']);

/**
 * Returns the workload that contains a reference, including items of a List; undefined for kinds that do not run
 * operators.
 * @returns the object, and the path of the reference in it
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

/** Returns the containers of a render whose image is one of `repositories`, at any registry or mirror. */
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

/** Tests whether a template belongs to the rendered chart and not to a subchart, whose appVersion is unknown. */
export function isOfRoot(template: string): boolean {
  return /^[^/]+\/templates\//.test(template);
}

/** Returns the value of `--flag value` or `--flag=value`; undefined if the flag is missing. */
export function argumentOf(args: readonly string[], flag: string): string | undefined {
  const at = args.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
  const word = args[at];
  if (word === undefined) return undefined;
  return word === flag ? (args[at + 1] ?? '') : word.slice(flag.length + 1);
}

/** A document and its object. */
export interface Resource {
  readonly document: RenderedDocument;
  readonly object: Mapping;
}

/** Documents by kind. */
export type Kinds = ReadonlyMap<string, readonly RenderedDocument[]>;

/** Groups documents by kind without parsing YAML: most of a large chart are CRDs. */
export function indexKinds(documents: readonly RenderedDocument[]): Kinds {
  return Map.groupBy(documents, kindOf);
}

/** Returns the resources of one kind and API group. */
export function ofKind(kinds: Kinds, group: string, kind: string): Resource[] {
  return (kinds.get(kind) ?? []).flatMap((document) => {
    const { object } = document;
    return String(object?.apiVersion).startsWith(`${group}/`) && object !== undefined ? [{ document, object }] : [];
  });
}

/** Tests whether a ConfigMap of the render sets this key. */
export function hasConfigKey(kinds: Kinds, key: string): boolean {
  const maps = kinds.get('ConfigMap') ?? [];
  return maps.some((map) => {
    // Parses only texts that contain the key.
    const data = map.text.includes(key) ? map.object?.data : undefined;
    return isMapping(data) && Boolean(data[key]);
  });
}

/** Returns the text or number at a field path, as text. */
export function textAt(object: unknown, path: string): string | undefined {
  const value = valueAt(object, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** Returns the value at a field path: `spec.containers[0].image`, `data["a.yaml"]`. */
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
