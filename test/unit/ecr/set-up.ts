import { vi } from 'vitest';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import type { TestEcr } from '../../support/ecr.ts';

/** Credentials in the environment, and nothing of the machine's own. */
export function awsEnvironment(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret-key');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
}

/** The stand-in's port as an ECR of an account. */
export function declaring(ecr: TestEcr): EcrOptions {
  return {
    env: {},
    endpoint: ecr.endpoint,
    hosts: [{ host: ecr.host, region: 'us-east-1', account: '123456789012' }],
  };
}

/** Operations of the API that were asked for so far. */
export function operations(ecr: TestEcr): string[] {
  return ecr.requests.filter(({ plane }) => plane === 'control').map(({ what }) => what);
}
