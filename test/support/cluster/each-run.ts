import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { packed } from '../package.ts';
import { Cluster, type ClusterAddress, startCluster } from './cluster.ts';
import { removeNamespaces } from './node/namespaces.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly cluster: ClusterAddress;
  }
}

/** Starts the cluster that all test files of a run share. @returns teardown that ends it */
export default async function setUp({ provide }: TestProject): Promise<() => Promise<void>> {
  // Vitest runs this before the setup of all projects, which removes such folders of killed runs.
  const folder = join(tmpdir(), `airgap-${process.pid}-cluster`);
  // Test files would make it at the same time.
  await packed();
  const address = await startCluster(folder);
  provide('cluster', address);
  return async () => {
    await removeNamespaces(address.name);
    rmSync(folder, { recursive: true, force: true });
  };
}

/** The cluster of this run. */
export function sharedCluster(): Cluster {
  return new Cluster(inject('cluster'));
}
