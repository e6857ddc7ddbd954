import { AirgapError } from '../../base/errors.ts';
import type { ClusterAccess } from '../../kubernetes/kubectl.ts';
import type { PodSource } from '../../kubernetes/pods.ts';
import type { AllowedImages } from '../../workflows/check/allowed-images.ts';
import { type FlagsOf, flagGroup } from './option.ts';

/** Adds the flags of the check of Pods, and of the cluster that it asks. */
export const addPodFlags = flagGroup((command) =>
  command
    .optionsGroup('After the install:')
    .option('--live', 'compare the images of the Pods of the cluster (kubectl) with the target and the bundle')
    .option('--pods <file>', 'the same for the output of kubectl get pods -A -o json; "-" for standard input')
    .option('--allow-images <file>', 'accept these images of other registries, with reasons')
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

/**
 * Reads the list of `--allow-images`: entries of `image` and `reason`, and `namespace` if they are for some namespaces only.
 * @throws AirgapError `config` with file, line and column of each problem
 */
export async function readAllowedImages(file: string | undefined): Promise<readonly AllowedImages[]> {
  if (file === undefined) return [];
  const [{ readDocument }, z] = await Promise.all([import('../config/document.ts'), import('zod')]);
  const text = z.string().trim().min(1, 'must not be empty');
  return readDocument(file, {
    schema: z.array(z.strictObject({ image: text, namespace: text.optional(), reason: text })),
    flag: '--allow-images',
    hint: 'write a list of entries such as: - {image: "registry.k8s.io/*", namespace: kube-system, reason: part of the cluster}',
  });
}
