import { AirgapError } from '../base/errors.ts';
import type { AwsClientSettings } from './connection.ts';

/** Session name in the account's logs. */
const SESSION_NAME = 'helm-airgap';

/** Credential provider of the SDK; called again when the credentials expire. */
export type AwsCredentialProvider = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}>;

/**
 * Returns a provider that assumes a role with the SDK's credentials, at the STS of the region (and its VPC endpoint).
 */
export function assumedRole(roleArn: string, settings: AwsClientSettings): AwsCredentialProvider {
  return async () => {
    const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
    const client = new STSClient(settings);
    try {
      const response = await client.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: SESSION_NAME }));
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = response.Credentials ?? {};
      if (AccessKeyId === undefined || SecretAccessKey === undefined) {
        throw new AirgapError('registry', `STS returned no credentials for the role ${roleArn}`);
      }
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        ...(SessionToken === undefined ? {} : { sessionToken: SessionToken }),
        ...(Expiration === undefined ? {} : { expiration: Expiration }),
      };
    } finally {
      client.destroy();
    }
  };
}
