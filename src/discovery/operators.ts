import type { RenderedDocument } from '../helm/documents.ts';
import { kindOf } from '../helm/head.ts';
import { isMapping, type Mapping } from './entry.ts';
import type { PlaceFound } from './place.ts';
import { valueAt, workloadOf } from './rules/render.ts';

/** A container that may create pods, and so may choose images that no manifest names. */
export interface OperatorContainer {
  /** Reference of its image. */
  readonly place: PlaceFound;
  /** Its command and arguments, as far as the manifest contains them. */
  readonly words: readonly string[];
  /** Names of its environment variables. */
  readonly variables: readonly string[];
}

/** Resources whose creation leads to running pods. */
const CREATES = new Set([
  ...['pods', 'deployments', 'statefulsets', 'daemonsets', 'replicasets', 'replicationcontrollers', 'jobs', 'cronjobs'],
  '*',
]);

/**
 * Returns the operator containers of a render: those whose service account may create pods or workloads. If the chart
 * has custom resource definitions but none of its accounts has that permission in the render, all its workloads are
 * returned.
 * @param hasSeparateCrds whether the chart has definitions outside its templates too
 */
export function operatorsIn(
  documents: readonly RenderedDocument[],
  places: readonly PlaceFound[],
  bringsResources: boolean,
): OperatorContainer[] {
  const accounts = creatingAccounts(documents);
  const workloads = places.flatMap((place) => containerAt(place, documents));
  const operators = workloads.filter(({ account }) => accounts.has(account));
  const definitions = bringsResources || documents.some((document) => kindOf(document) === 'CustomResourceDefinition');
  const chosen = operators.length > 0 || !definitions ? operators : workloads;
  return chosen.map(({ operator }) => operator);
}

function containerAt(
  place: PlaceFound,
  documents: readonly RenderedDocument[],
): { readonly operator: OperatorContainer; readonly account: string }[] {
  if (place.how !== 'pod-spec' || place.hook !== undefined) return [];
  if (place.need === 'test' || !/\.containers\[\d+\]\.image$/.test(place.path)) return [];
  const { object, path = '' } = workloadOf(place, documents) ?? {};
  const container = valueAt(object, path.replace(/\.image$/, ''));
  const pod = valueAt(object, path.replace(/\.containers\[\d+\]\.image$/, ''));
  if (!isMapping(container) || !isMapping(pod)) return [];
  const words = [container.command, container.args].flat().filter((word) => typeof word === 'string');
  const env = Array.isArray(container.env) ? container.env.filter(isMapping) : [];
  const variables = env.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  return [{ operator: { place, words, variables }, account: String(pod.serviceAccountName ?? 'default') }];
}

/** Names of the service accounts that a role of the render allows to create pods. */
function creatingAccounts(documents: readonly RenderedDocument[]): Set<string> {
  const of = (kind: RegExp): Mapping[] =>
    documents.flatMap((document) =>
      kind.test(kindOf(document)) && document.object !== undefined ? [document.object] : [],
    );
  const roles = new Set(
    of(/^(?:Cluster)?Role$/)
      .filter(mayCreatePods)
      .map(nameOf),
  );
  const bindings = of(/^(?:Cluster)?RoleBinding$/).filter(({ roleRef }) => {
    const name = isMapping(roleRef) ? String(roleRef.name) : '';
    return roles.has(name) || name === 'cluster-admin';
  });
  const subjects = bindings.flatMap((binding) => (Array.isArray(binding.subjects) ? binding.subjects : []));
  return new Set(subjects.filter(isMapping).map(({ name }) => String(name)));
}

function mayCreatePods({ rules }: Mapping): boolean {
  const list = Array.isArray(rules) ? rules.filter(isMapping) : [];
  return list.some(({ resources, verbs }) => {
    const may = Array.isArray(verbs) && verbs.some((verb) => verb === 'create' || verb === '*');
    return may && Array.isArray(resources) && resources.some((resource) => CREATES.has(String(resource)));
  });
}

function nameOf({ metadata }: Mapping): string {
  return isMapping(metadata) ? String(metadata.name) : '';
}
