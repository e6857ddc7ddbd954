import { vi } from 'vitest';
import type { EcrOptions } from '../../../src/ecr/options.ts';
import type { TestEcr } from '../ecr.ts';
import type { TestProxy } from '../proxy.ts';

/** Sets credentials in the environment, isolated from those of the machine. */
export function awsEnvironment(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret-key');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
}

/** Returns options that declare the emulator as ECR of an account. */
export function declaring(ecr: TestEcr): EcrOptions {
  return {
    env: {},
    endpointUrl: ecr.endpoint,
    ecrHosts: [{ host: ecr.host, region: 'us-east-1', account: '123456789012' }],
  };
}

/** Returns the API operations received so far. */
export function operations(ecr: TestEcr): string[] {
  return ecr.requests.filter(({ plane }) => plane === 'control').map(({ request }) => request);
}

/** Returns an environment in which a proxy leads to ECR's hosts, and the endpoint is its control plane. */
export function ecrEnvironment(endpoint: string, proxy: TestProxy): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    AWS_ENDPOINT_URL_ECR: endpoint,
    HTTP_PROXY: proxy.url,
    NO_PROXY: '127.0.0.1',
  };
}
