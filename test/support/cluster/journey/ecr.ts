import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EcrRequest } from '../../ecr/state.ts';
import { programPath } from '../build.ts';
import type { Cluster, Finished } from '../cluster.ts';
import { NODE } from '../node/node-config.ts';
import { issue } from '../node/pki.ts';
import { trustInside } from '../node/registry.ts';

/** Name of the account's registry. Only the cluster's own name server knows it; it is not public there. */
export const ECR_HOST = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
/** Access keys, by which the stand-in tells who asked for a token. */
export const PUSHER_KEY = 'AKIAPUSHER';
export const NODE_KEY = 'AKIANODE';

/** The stand-in for ECR inside of a cluster, and the node's credential provider for it, as on EKS. */
export interface InsideEcr {
  /** Environment of whoever pushes, with credentials of AWS. */
  readonly env: Readonly<Record<string, string>>;
  /** Asks the credential provider for a login as the kubelet does. @returns user and password */
  login(): Promise<{ readonly username: string; readonly password: string }>;
  /** Ends it. @returns all requests */
  stop(): Promise<readonly EcrRequest[]>;
}

/** Starts it, once in a cluster. @throws Error if the provider is not built, or the stand-in does not start */
export async function startEcrInside(cluster: Cluster): Promise<InsideEcr> {
  const { folder } = cluster;
  const provider = programPath('ecr-credential-provider');
  if (provider === undefined) throw new Error('ecr-credential-provider is not built');
  mkdirSync(join(folder, 'ecr'));
  issue(folder, 'ecr', { ca: 'registry-ca', subject: '/CN=ecr', names: [`DNS:${ECR_HOST}`] });
  appendFileSync(join(folder, 'private-names'), `${ECR_HOST}\n`);
  await trustInside(cluster, ECR_HOST);
  const [server, log] = [join(import.meta.dirname, 'ecr-server.ts'), join(folder, 'log/ecr.log')];
  const { stdout: pid } = await runInside(cluster, [
    'bash',
    '-c',
    `'${process.execPath}' '${server}' '${folder}' ${NODE} > '${log}' 2>&1 & echo $!`,
  ]);
  const endpoint = await textOf(join(folder, 'ecr/endpoint'), log);
  const env = (key: string): Record<string, string> => ({
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: 'example-secret-key',
    AWS_ENDPOINT_URL_ECR: endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  // On EKS the program finds the credentials of the node's role by itself.
  const variables = Object.entries(env(NODE_KEY)).map(([name, value]) => `export ${name}=${value}\n`);
  const script = join(folder, 'bin/ecr-credential-provider');
  writeFileSync(script, `#!/bin/sh\n${variables.join('')}exec '${provider}' "$@"\n`, { mode: 0o755 });

  return {
    env: env(PUSHER_KEY),
    async login() {
      const request = { apiVersion: 'credentialprovider.kubelet.k8s.io/v1', kind: 'CredentialProviderRequest' };
      const input = JSON.stringify({ ...request, image: `${ECR_HOST}/any` });
      const { stdout } = await runInside(cluster, [script], input);
      return JSON.parse(stdout).auth[ECR_HOST];
    },
    async stop() {
      await runInside(cluster, ['kill', pid.trim()]);
      return JSON.parse(await textOf(join(folder, 'ecr/requests.json'), log));
    },
  };
}

/** Waits until a file has been written. @throws Error with the log if it is not */
async function textOf(file: string, log: string): Promise<string> {
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(100)) {
    if (existsSync(file)) return readFileSync(file, 'utf8');
  }
  throw new Error(`the stand-in for ECR does not answer: ${readFileSync(log, 'utf8')}`);
}

async function runInside(cluster: Cluster, command: readonly string[], input?: string): Promise<Finished> {
  const finished = await cluster.run(command, input === undefined ? {} : { input });
  if (finished.code === 0) return finished;
  throw new Error(`${command[0]} ended with ${finished.code}: ${finished.stderr}`);
}
