import { runStep } from '../../base/step.ts';
import { ADDRESS_KINDS, addressesIn, type RegistryAddresses, readExport } from '../../openshift/index.ts';
import type { Context } from '../../session/context.ts';
import type { ImageStreamOptions } from './plan.ts';

/**
 * Returns the addresses of the registry that an export, the cluster itself or the user names.
 * @throws AirgapError `config`, `usage` of the addresses
 */
export async function registryAddresses(
  { emit }: Pick<Context, 'emit'>,
  { sources, registryRoutes, clusterObjects = [] }: ImageStreamOptions,
): Promise<RegistryAddresses> {
  const isWanted = (kind: string): boolean => ADDRESS_KINDS.has(kind);
  const names = sources.map(({ name }) => name).join(', ');
  const exported =
    sources.length === 0 ? [] : await runStep(emit, `reading ${names}`, () => readExport({ emit }, sources, isWanted));
  return addressesIn([...exported, ...clusterObjects], registryRoutes);
}
