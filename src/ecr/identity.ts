import type { STSClient } from '@aws-sdk/client-sts';
import { AirgapError } from '../base/errors.ts';
import { awsClientSettings, ecrClient, withClient } from './connection.ts';
import { awsError } from './failures.ts';
import type { EcrHost } from './hosts.ts';
import { type EcrOptions, endpointOf } from './options.ts';

/** Where AWS credentials come from, for people. */
export interface CredentialSource {
  /** As in `the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`. */
  readonly source: string;
  /** True if getting them needed STS. */
  readonly usesSts: boolean;
}

/** Who the credentials are of. */
export interface CallerIdentity {
  readonly account: string;
  readonly arn: string;
}

/** Names of the sources, by the features that the SDK records with credentials; the first that is recorded counts. */
const SOURCES: readonly (readonly [feature: RegExp, source: (options: EcrOptions) => string])[] = [
  [
    /^CREDENTIALS_(?:ENV_VARS_STS|STS_ASSUME_ROLE)_WEB_ID/,
    () => 'the web identity token of AWS_WEB_IDENTITY_TOKEN_FILE',
  ],
  [/^CREDENTIALS_ENV_VARS$/, () => 'the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
  [
    /^CREDENTIALS_(?:PROFILE_)?SSO/,
    ({ profile, env }) => `the SSO session of the ${profileText(profile ?? env.AWS_PROFILE)}`,
  ],
  [
    /^CREDENTIALS_(?:PROFILE_)?PROCESS$/,
    ({ profile, env }) => `the credential_process of the ${profileText(profile ?? env.AWS_PROFILE)}`,
  ],
  [
    /^CREDENTIALS_(?:PROFILE|STS_ASSUME_ROLE|LOGIN)/,
    ({ profile, env }) => `the ${profileText(profile ?? env.AWS_PROFILE)}`,
  ],
  [/^CREDENTIALS_HTTP$/, () => 'the credentials endpoint of the container (ECS, or EKS Pod Identity)'],
];

/**
 * Gets the credentials that requests to ECR are signed with, and says where they come from.
 * @throws AirgapError `unauthorized`, `network`
 */
export async function credentialSource(host: EcrHost, options: EcrOptions): Promise<CredentialSource> {
  return withClient(ecrClient(host, options), options, async (client) => {
    let recorded: Readonly<Record<string, unknown>>;
    try {
      const credentials: object = await client.config.credentials();
      recorded = (credentials as { $source?: Readonly<Record<string, unknown>> }).$source ?? {};
    } catch (error) {
      throw awsError('AWS credentials', error);
    }
    const { roleArn } = options;
    if (roleArn !== undefined) return { source: `the role ${roleArn}, assumed with --role-arn`, usesSts: true };
    const features = Object.keys(recorded);
    const known = SOURCES.find(([feature]) => features.some((name) => feature.test(name)))?.[1];
    const usesSts = features.some((name) => name.includes('STS'));
    // The SDK records nothing for instances.
    return { source: known?.(options) ?? 'the instance profile of this machine (EC2 instance metadata)', usesSts };
  });
}

function profileText(name: string | undefined): string {
  return `profile ${name || 'default'} of the AWS configuration files`;
}

/**
 * Asks STS whose credentials these are (GetCallerIdentity, which needs no permission).
 * @throws AirgapError `unauthorized`, `network`, `registry`
 */
export async function callerIdentity(host: EcrHost, options: EcrOptions): Promise<CallerIdentity> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  return withClient(stsClient(host, options), options, async (sts) => {
    try {
      const { Account: account = '', Arn: arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
      if (!/^\d{12}$/.test(account)) throw new AirgapError('registry', 'STS returned no account');
      return { account, arn: arn.slice(0, 300) };
    } catch (error) {
      throw awsError('the account of the credentials', error);
    }
  });
}

async function stsClient(host: EcrHost, options: EcrOptions): Promise<STSClient> {
  const { STSClient: Client } = await import('@aws-sdk/client-sts');
  const { credentials } = (await ecrClient(host, options)).config;
  return new Client({ ...awsClientSettings(options, 'STS', host.region), credentials });
}

/** Hosts of AWS that a push to a registry, or a pull from it, needs. */
export interface EcrEndpoints {
  /** API of ECR. */
  readonly api: URL;
  readonly sts: URL;
  /** Bucket that serves layers. */
  readonly layers: URL;
}

/**
 * Returns the endpoints of a registry as the SDK resolves them, with FIPS and dual-stack names where the registry's name is one, or
 * as flags and variables set them.
 * @throws AirgapError `config` for an invalid URL
 */
export async function ecrEndpoints(host: EcrHost, options: EcrOptions): Promise<EcrEndpoints> {
  const { region, fips: UseFIPS, dualStack: UseDualStack } = host;
  const { ECRClient } = await import('@aws-sdk/client-ecr');
  const { STSClient: Client } = await import('@aws-sdk/client-sts');
  const [ecr, sts] = [new ECRClient({ region }), new Client({ region })];
  try {
    const parameters = { Region: region, UseFIPS, UseDualStack };
    const api = endpointOf(options, 'ECR') ?? ecr.config.endpointProvider(parameters).url.href;
    // Clients for STS are made without these variants (connection.ts).
    const ofSts = endpointOf(options, 'STS') ?? sts.config.endpointProvider({ Region: region }).url.href;
    const { hostname } = ecr.config.endpointProvider({ Region: region }).url;
    const suffix = hostname.slice(hostname.indexOf(region) + region.length + 1);
    const layers = `https://prod-${region}-starport-layer-bucket.s3.${region}.${suffix}/`;
    return { api: new URL(api), sts: new URL(ofSts), layers: new URL(layers) };
  } finally {
    ecr.destroy();
    sts.destroy();
  }
}
