import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { ignoreEvents } from '../../src/base/events.ts';
import { parseTarget } from '../../src/naming/naming.ts';
import type { Context } from '../../src/session/context.ts';
import type { PushOptions } from '../../src/workflows/push/push.ts';
import { SELECT_ALL } from '../../src/workflows/push/selection.ts';
import { graphOf, NAMES, registry, write } from './bundles.ts';
import { awsEnvironment } from './ecr/access.ts';
import { type EcrOptions, startEcr, type TestEcr } from './ecr.ts';
import type { TestEcrPublic } from './ecr-public.ts';
import type { MemoryRegistry } from './memory-registry.ts';
import { scratchFolder } from './scratch.ts';

/** Writes a bundle of a chart and the named images, by default three. Returns its path. */
export async function bundleFile(
  source: MemoryRegistry = registry(),
  { name = 'demo.tar', images = NAMES }: { name?: string; images?: readonly string[] } = {},
): Promise<string> {
  const path = join(scratchFolder(), name);
  await write(path, source, { graph: await graphOf(source, images) });
  return path;
}

/** Starts the ECR stand-in with credentials for it; stops it after the test. */
export async function ecrForTest(options: EcrOptions = {}): Promise<TestEcr> {
  awsEnvironment();
  const ecr = await startEcr(options);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await ecr.stop();
  });
  return ecr;
}

const DEFAULTS = {
  concurrency: 4,
  existing: 'error',
  requireReferrers: false,
  selection: SELECT_ALL,
  repositories: { create: 'missing', reconcile: false, settings: {} },
  now: () => new Date('2026-01-02T03:04:05.000Z'),
} as const;

/** Returns options for a push to the stand-in. */
export function pushOptions(ecr: TestEcr, files: readonly string[], overrides: Partial<PushOptions> = {}): PushOptions {
  return {
    files,
    targets: [parseTarget(`${ecr.host}/m`, 'host-path')],
    access: {
      mirrors: [],
      plainHttp: ['127.0.0.1'],
      endpointUrl: ecr.endpoint,
      ecrHosts: [{ host: ecr.host, region: 'us-east-1', account: '123456789012' }],
    },
    ...DEFAULTS,
    ...overrides,
  };
}

/** Returns options for a push to the stand-in for ECR Public, whose environment the context has to have. */
export function publicPushOptions(
  ecr: TestEcrPublic,
  files: readonly string[],
  overrides: Partial<PushOptions> = {},
): PushOptions {
  return {
    files,
    targets: [parseTarget('public.ecr.aws/acme/m', 'host-path')],
    access: { mirrors: [], plainHttp: ['public.ecr.aws', ecr.storage] },
    ...DEFAULTS,
    ...overrides,
  };
}

/** A context with an empty environment. */
export const context: Context = { env: {}, cwd: '/', emit: ignoreEvents };
