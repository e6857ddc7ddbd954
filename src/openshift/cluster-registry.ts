import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { asMapping, isMapping } from '../base/mapping.ts';
import { printableLine } from '../base/printable.ts';
import { apiGroup } from '../helm/type-meta.ts';
import { type ClusterAccess, type KubectlContext, kubectl } from '../kubernetes/kubectl.ts';
import type { AddressObject } from './registry-addresses.ts';

/** A cluster that kubectl asks. */
export interface Cluster extends ClusterAccess {
  /** Path of the kubeconfig; by default that of kubectl. */
  readonly kubeconfig?: string;
}

/** Questions that can answer where the registry is; ordinary users may not ask all of them. */
const QUESTIONS: readonly (readonly string[])[] = [
  ['get', 'images.config.openshift.io', 'cluster', '--output=json'],
  ['get', 'routes.route.openshift.io', '--namespace=openshift-image-registry', '--output=json'],
  ['get', 'routes.route.openshift.io', '--namespace=default', '--output=json'],
  // Every user may read the image streams of the platform. One has the addresses, and kubectl get would fetch all.
  ['get', '--raw=/apis/image.openshift.io/v1/namespaces/openshift/imagestreams?limit=1'],
];

/** Refusals of one question: no right, no such object, no such API. */
const NO_ANSWER = /\((?:Forbidden|NotFound)\)|the server (?:doesn't have a resource type|could not find the requested)/;

/** Returns the environment and folder with which kubectl asks a cluster. */
export function clusterContext(context: KubectlContext, { kubeconfig }: Cluster): KubectlContext {
  if (kubeconfig === undefined) return context;
  const env = { ...context.env, KUBECONFIG: resolve(context.cwd, kubeconfig) };
  // The context of `helm --kube-context` is one of another kubeconfig.
  return { ...context, env: Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'HELM_KUBECONTEXT')) };
}

/**
 * Asks a cluster for the objects that name the addresses of its registry, and changes nothing.
 * @param what the cluster, for messages
 * @throws AirgapError `cluster` if it does not answer, or no question has an answer; `file` for a kubeconfig that cannot be read
 */
export async function askRegistryAddresses(
  context: KubectlContext,
  cluster: Cluster,
  what: string,
  flag: string,
): Promise<AddressObject[]> {
  const asked = clusterContext(context, cluster);
  await checkKubeconfig(asked, cluster);
  const question = { what: `the registry of ${what}`, instead: `give its addresses with ${flag} INTERNAL=PUBLIC` };
  const answers = await Promise.allSettled(QUESTIONS.map((args) => kubectl(asked, cluster, args, question)));
  const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
  const serious = failures.find((failure) => !(failure instanceof AirgapError && NO_ANSWER.test(failure.message)));
  if (serious !== undefined) throw serious;
  if (failures.length === answers.length) throw failures[0];
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? objectsIn(answer.value, question.what) : []));
}

/** kubectl asks the cluster in whose Pod it runs, or localhost, if the file is not there. */
async function checkKubeconfig({ cwd }: KubectlContext, { kubeconfig }: Cluster): Promise<void> {
  if (kubeconfig === undefined) return;
  try {
    await access(resolve(cwd, kubeconfig), constants.R_OK);
  } catch (cause) {
    const message = `the kubeconfig ${printableLine(kubeconfig)} cannot be read: ${reasonOf(cause)}`;
    throw new AirgapError('file', message, { hint: 'check the path of the kubeconfig', cause });
  }
}

/** Returns the object or the items of a list that kubectl printed. */
function objectsIn(json: string, what: string): AddressObject[] {
  let value: unknown;
  try {
    value = json.trim() === '' ? {} : JSON.parse(json);
  } catch (cause) {
    throw new AirgapError('cluster', `cannot read ${what}: kubectl printed no JSON`, {
      hint: 'run kubectl yourself to see what it prints',
      cause,
    });
  }
  const answer = asMapping(value);
  const kindOfItems =
    typeof answer.kind === 'string' && answer.kind !== 'List' ? answer.kind.replace(/List$/, '') : undefined;
  const items = Array.isArray(answer.items) ? answer.items : [answer];
  return items.filter(isMapping).flatMap((object): AddressObject[] => {
    const { kind = kindOfItems, apiVersion = answer.apiVersion } = object;
    const { name = '', namespace = '' } = asMapping(object.metadata);
    if (typeof kind !== 'string' || typeof apiVersion !== 'string') return [];
    return [{ kind, group: apiGroup(apiVersion), namespace: String(namespace), name: String(name), object }];
  });
}
