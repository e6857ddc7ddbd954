import { AirgapError } from '../base/errors.ts';
import type { Connection } from './connection.ts';

/** How the session is called in the account's logs. */
const SESSION = 'helm-airgap';

/** What the SDK asks for before it signs; it asks again when they end. */
export type Credentials = () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}>;

/** Credentials of a role, which the SDK's own ones are used to assume; in the region's own STS, as its VPC endpoint is. */
export function assumedRole(roleArn: string, settings: Connection): Credentials {
  return async () => {
    const { AssumeRoleCommand, STSClient } = await import('@aws-sdk/client-sts');
    const client = new STSClient(settings);
    try {
      const answer = await client.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: SESSION }));
      const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
      if (AccessKeyId === undefined || SecretAccessKey === undefined) {
        throw new AirgapError('registry', `STS gives no credentials for the role ${roleArn}`);
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
