import { AirgapError } from '../../base/errors.ts';
import type { ClusterAccess } from '../../kubernetes/kubectl.ts';
import type { PodSource } from '../../kubernetes/pods.ts';
import { type FlagsOf, flagGroup } from './option.ts';

/** Adds the flags of the check of Pods, and of the cluster that it asks. */
export const addPodFlags = flagGroup((command) =>
  command
    .optionsGroup('After the install:')
    .option('--live', 'compare the images of the Pods of the cluster (kubectl) with the target and the bundle')
    .option('--pods <file>', 'the same for the output of kubectl get pods -A -o json; "-" for standard input')
    // Helm consumes --kubeconfig and --kube-context, and passes them on as variables.
    .option('--context <name>', 'context of kubectl (default: that of helm --kube-context, else the current one)'),
);

export type PodFlags = FlagsOf<typeof addPodFlags>;

/**
 * Returns where Pods are read, or undefined if neither `--live` nor `--pods` is given.
 * @throws AirgapError `usage` if both are
 */
export function podSource({ live, pods, context }: PodFlags): PodSource | undefined {
  if (live && pods !== undefined) {
    throw new AirgapError('usage', '--live and --pods cannot be used together', {
      hint: 'use --live to ask the cluster, or --pods for a file of its Pods',
    });
  }
  if (live) return { cluster: clusterAccess({ context }) };
  if (pods !== undefined) return { file: pods };
  return undefined;
}

/** Returns the cluster that `--context` names. */
export function clusterAccess({ context }: Pick<PodFlags, 'context'>): ClusterAccess {
  return context === undefined ? {} : { context };
}
