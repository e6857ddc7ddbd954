import { fieldValue } from '../../base/field-path.ts';
import { isMapping, type Mapping } from '../../base/mapping.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { kindOf } from '../../helm/type-meta.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { tryParseReference } from '../../oci/reference.ts';
import { releaseOf } from './template.ts';

/** A container that runs an operator. */
export interface Operator {
  /** Reference of its image. */
  readonly reference: LocatedReference;
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
  reference: LocatedReference,
  documents: readonly RenderedDocument[],
): { readonly object: Mapping; readonly path: string } | undefined {
  const isList = reference.kind.endsWith('List');
  if (!isList && !WORKLOADS.has(reference.kind)) return undefined;
  const document = documents.find(
    ({ template, index }) => template === reference.template && index === reference.document,
  );
  const root = isList ? (/^(?:items\[\d+\]\.)+/.exec(reference.path)?.[0] ?? '') : '';
  const object = root === '' ? document?.object : fieldValue(document?.object, root.slice(0, -1));
  if (!isMapping(object)) return undefined;
  // Items of a typed list need no kind of their own.
  const kind = typeof object.kind === 'string' ? object.kind : reference.kind.slice(0, -'List'.length);
  return WORKLOADS.has(kind) ? { object, path: reference.path.slice(root.length) } : undefined;
}

/** Returns the containers of a render whose image is one of `repositories`, at any registry or mirror. */
export function findOperators(
  repositories: readonly string[],
  references: readonly LocatedReference[],
  documents: readonly RenderedDocument[],
  appVersion: string | undefined,
): Operator[] {
  return references.flatMap((reference) => {
    if (reference.how !== 'pod-spec' || reference.within !== undefined) return [];
    if (!/\.containers\[\d+\]\.image$/.test(reference.path)) return [];
    const { registry, path, tag } = tryParseReference(reference.reference) ?? {};
    const name = `${registry}/${path}`;
    if (!repositories.some((repository) => name === repository || name.endsWith(`/${repository}`))) return [];
    const workload = workloadOf(reference, documents);
    const container = fieldValue(workload?.object, workload?.path.replace(/\.image$/, '') ?? '');
    if (workload === undefined || !isMapping(container)) return [];
    const { object } = workload;
    const label = fieldText(object, 'metadata.labels["app.kubernetes.io/version"]');
    return [
      {
        reference,
        tag,
        release:
          releaseOf(tag) ?? releaseOf(label) ?? releaseOf(isRootTemplate(reference.template) ? appVersion : undefined),
        folder: name.slice(0, name.lastIndexOf('/')),
        env: environmentOf(container),
        args: [container.command, container.args].flat().filter((word) => typeof word === 'string'),
      },
    ];
  });
}

/** Reports whether a template belongs to the rendered chart and not to a subchart, whose appVersion is unknown. */
export function isRootTemplate(template: string): boolean {
  return /^[^/]+\/templates\//.test(template);
}

/** Returns the value of `--flag value` or `--flag=value`; undefined if the flag is missing. */
export function argumentOf(args: readonly string[], flag: string): string | undefined {
  const index = args.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
  const word = args[index];
  if (word === undefined) return undefined;
  return word === flag ? (args[index + 1] ?? '') : word.slice(flag.length + 1);
}

/** A document and its object. */
export interface RuleResource {
  readonly document: RenderedDocument;
  readonly object: Mapping;
}

/** Documents by kind. */
export type DocumentsByKind = ReadonlyMap<string, readonly RenderedDocument[]>;

/** Groups documents by kind without parsing YAML: most of a large chart are CRDs. */
export function groupByKind(documents: readonly RenderedDocument[]): DocumentsByKind {
  return Map.groupBy(documents, kindOf);
}

/** Returns the resources of one kind and API group. */
export function resourcesOfKind(kinds: DocumentsByKind, group: string, kind: string): RuleResource[] {
  return (kinds.get(kind) ?? []).flatMap((document) => {
    const { object } = document;
    return String(object?.apiVersion).startsWith(`${group}/`) && object !== undefined ? [{ document, object }] : [];
  });
}

/** Reports whether a ConfigMap of the render sets this key. */
export function hasConfigKey(kinds: DocumentsByKind, key: string): boolean {
  const configMaps = kinds.get('ConfigMap') ?? [];
  return configMaps.some((configMap) => {
    // Parses only texts that contain the key.
    const data = configMap.text.includes(key) ? configMap.object?.data : undefined;
    return isMapping(data) && Boolean(data[key]);
  });
}

/** Returns the text or number at a field path, as text. */
export function fieldText(object: unknown, path: string): string | undefined {
  const value = fieldValue(object, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function environmentOf({ env }: Mapping): Map<string, string> {
  const list = Array.isArray(env) ? env.filter(isMapping) : [];
  return new Map(
    list.flatMap(({ name, value }) =>
      typeof name === 'string' && value !== '' ? [[name, typeof value === 'string' ? value : '']] : [],
    ),
  );
}
