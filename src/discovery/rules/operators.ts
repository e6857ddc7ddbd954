import { fieldValue } from '../../base/field-path.ts';
import { isMapping, type Mapping } from '../../base/mapping.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import { kindOf } from '../../helm/type-meta.ts';
import type { LocatedReference } from '../../inventory/finding.ts';
import { workloadOf } from './render.ts';

/** A container that may create pods, and so may choose images that no manifest names. */
export interface OperatorContainer {
  /** Reference of its image. */
  readonly reference: LocatedReference;
  /** Its command and arguments, as far as the manifest contains them. */
  readonly words: readonly string[];
  /** Names of its environment variables. */
  readonly variables: readonly string[];
}

/** Resources whose creation leads to running pods, by their API group. */
const POD_CREATORS: Readonly<Record<string, readonly string[]>> = {
  '': ['pods', 'replicationcontrollers'],
  apps: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
  batch: ['jobs', 'cronjobs'],
};
/** Roles of Kubernetes itself that allow it. */
const BUILT_IN_ROLES = new Set(['cluster-admin', 'admin', 'edit']);

/**
 * Returns the containers of a render that may start Pods: those whose service account may create Pods or workloads.
 */
export function podStarters(
  documents: readonly RenderedDocument[],
  references: readonly LocatedReference[],
): OperatorContainer[] {
  const accounts = creatingAccounts(documents);
  if (accounts.size === 0) return [];
  const workloads = references.flatMap((reference) => containerAt(reference, documents));
  return workloads.filter(({ account }) => accounts.has(account)).map(({ operator }) => operator);
}

/**
 * Returns the operator containers of a render: those that may start Pods. If the chart has custom resource definitions but none of its
 * accounts has that permission in the render, all its workloads are returned.
 * @param hasSeparateCrds whether the chart has definitions outside its templates too
 */
export function operatorContainers(
  documents: readonly RenderedDocument[],
  references: readonly LocatedReference[],
  hasSeparateCrds: boolean,
): OperatorContainer[] {
  const operators = podStarters(documents, references);
  const hasCrds = hasSeparateCrds || documents.some((document) => kindOf(document) === 'CustomResourceDefinition');
  if (operators.length > 0 || !hasCrds) return operators;
  return references.flatMap((reference) => containerAt(reference, documents)).map(({ operator }) => operator);
}

function containerAt(
  reference: LocatedReference,
  documents: readonly RenderedDocument[],
): { readonly operator: OperatorContainer; readonly account: string }[] {
  if (reference.how !== 'pod-spec' || reference.hook !== undefined) return [];
  if (reference.need === 'test' || !/\.containers\[\d+\]\.image$/.test(reference.path)) return [];
  const { object, path = '' } = workloadOf(reference, documents) ?? {};
  const container = fieldValue(object, path.replace(/\.image$/, ''));
  const pod = fieldValue(object, path.replace(/\.containers\[\d+\]\.image$/, ''));
  if (!isMapping(container) || !isMapping(pod)) return [];
  const words = [container.command, container.args].flat().filter((word) => typeof word === 'string');
  const env = Array.isArray(container.env) ? container.env.filter(isMapping) : [];
  const variables = env.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  return [
    {
      operator: { reference, words, variables },
      account: String(pod.serviceAccountName ?? pod.serviceAccount ?? 'default'),
    },
  ];
}

/** Names of the service accounts that a role of the render allows to create pods. */
function creatingAccounts(documents: readonly RenderedDocument[]): Set<string> {
  const objectsOfKind = (kind: RegExp): Mapping[] =>
    documents.flatMap((document) =>
      kind.test(kindOf(document)) && document.object !== undefined ? [document.object] : [],
    );
  const all = objectsOfKind(/^(?:Cluster)?Role$/);
  const creating = all.filter(mayCreatePods);
  // A role that collects the rules of others may collect any of them.
  const collecting = creating.length === 0 ? [] : all.filter(({ aggregationRule }) => isMapping(aggregationRule));
  const roles = new Set([...creating, ...collecting].map(metadataName));
  const bindings = objectsOfKind(/^(?:Cluster)?RoleBinding$/).filter(({ roleRef }) => {
    const name = isMapping(roleRef) ? String(roleRef.name) : '';
    return roles.has(name) || BUILT_IN_ROLES.has(name);
  });
  const subjects = bindings.flatMap((binding) => (Array.isArray(binding.subjects) ? binding.subjects : []));
  return new Set(subjects.filter(isMapping).map(({ name }) => String(name)));
}

function mayCreatePods({ rules }: Mapping): boolean {
  const list = Array.isArray(rules) ? rules.filter(isMapping) : [];
  const isOneOf = (listed: unknown, wanted: readonly string[]): boolean =>
    Array.isArray(listed) && listed.some((entry) => entry === '*' || wanted.includes(String(entry)));
  return list.some(
    ({ apiGroups, resources, verbs }) =>
      isOneOf(verbs, ['create']) &&
      Object.entries(POD_CREATORS).some(([group, names]) => isOneOf(apiGroups, [group]) && isOneOf(resources, names)),
  );
}

function metadataName({ metadata }: Mapping): string {
  return isMapping(metadata) ? String(metadata.name) : '';
}
