import { AirgapError } from '../../base/errors.ts';
import type { DryCall, EcrRights } from '../../ecr/dry-calls.ts';
import type { EcrHost } from '../../ecr/hosts.ts';
import type { CredentialSource, EcrEndpoints } from '../../ecr/identity.ts';
import type { EcrOptions } from '../../ecr/options.ts';
import type { DoctorCheck, DoctorFinding } from '../../inventory/doctor-result.ts';
import type { Endpoint } from './endpoint.ts';
import { bad, good, notKnown, ofError } from './finding.ts';

/** Returns the endpoints of AWS that a push to a registry, or a pull from it, needs besides the registry's own. */
export function awsEndpoints({ region }: EcrHost, { api, sts, layers }: EcrEndpoints): Endpoint[] {
  const service = (name: string): string => `com.amazonaws.${region}.${name}`;
  // The root of STS redirects to a page about IAM.
  const stsUrl = new URL('/?Action=GetCallerIdentity&Version=2011-06-15', sts);
  return [
    { name: 'ECR API (ecr.api)', url: api, vpcEndpoint: service('ecr.api'), use: 'for logins and repositories' },
    {
      name: 'layer bucket (S3)',
      url: layers,
      vpcEndpoint: service('s3'),
      isGateway: true,
      // This host may only push, and uploads go to the registry itself.
      isOptional: true,
      use: 'to pull, as nodes do: layers come from there',
    },
    {
      name: 'STS',
      url: stsUrl,
      vpcEndpoint: service('sts'),
      isOptional: true,
      use: 'for roles and web identities only',
    },
  ];
}

/**
 * Says where the AWS credentials come from and whose they are, and compares their account with that of the registry.
 * @param stsFailure what was found about STS if it does not answer
 */
export async function checkIdentity(
  host: EcrHost,
  options: EcrOptions,
  stsFailure: DoctorFinding | undefined,
): Promise<readonly DoctorFinding[]> {
  const { callerIdentity, credentialSource } = await import('../../ecr/identity.ts');
  let source: CredentialSource;
  try {
    source = await credentialSource(host, options);
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    return [bad('aws-credentials', error.reason, { hint: error.hint })];
  }
  const credentials = good('aws-credentials', `from ${source.source}; region ${host.region}`);
  if (stsFailure !== undefined) {
    const message = 'not asked, because STS does not answer';
    return [credentials, notKnown('aws-account', message, { hint: stsFailure.hint })];
  }
  try {
    const { account, arn } = await callerIdentity(host, options);
    return [credentials, accountFinding(host, account, arn)];
  } catch (error) {
    if (!(error instanceof AirgapError)) throw error;
    const status = error.code === 'unauthorized' ? 'bad' : 'not-known';
    return [credentials, ofError('aws-account', error, { status })];
  }
}

function accountFinding(host: EcrHost, account: string, arn: string): DoctorFinding {
  const who = `the credentials are of ${arn}`;
  if (host.account === undefined) return good('aws-account', `${who}; the host does not name an account`);
  if (host.account === account) return good('aws-account', `${who}, in the account of the registry`);
  const hint = `check the account in the host; if it is right, its repositories need policies that allow account ${account}`;
  return notKnown('aws-account', `${who}, but the registry is of account ${host.account}`, { hint });
}

/** Findings about rights, and a repository of the prefix if one exists. */
interface CheckedRights {
  readonly findings: readonly DoctorFinding[];
  readonly existing?: string;
}

/** Asks which rights the credentials have below a prefix. @param probe repository to ask about if none exists */
export async function checkEcrRights(
  host: EcrHost,
  prefix: string,
  probe: string,
  options: EcrOptions,
): Promise<CheckedRights> {
  const { ecrRights } = await import('../../ecr/dry-calls.ts');
  let rights: EcrRights;
  try {
    rights = await ecrRights(host, prefix, probe, options);
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code === 'interrupted') throw error;
    return { findings: (['pull', 'push'] as const).map((check) => ofError(check, error)) };
  }
  const { repository, exists, pull, push, create, delete: remove, mounting } = rights;
  const where = exists ? repository : `${repository}, which does not exist`;
  const unasked = [...(exists ? [] : ['ecr:PutImage']), 'ecr:InitiateLayerUpload'];
  const findings = [
    rightsFinding('pull', pull, `in ${where}`, []),
    rightsFinding('push', push, `in ${where}`, unasked),
    create === undefined
      ? notKnown('create-repository', 'not asked, because the call would create one', {
          hint: 'push creates missing repositories: grant ecr:CreateRepository, or create them before (push -o terraform)',
        })
      : rightsFinding('create-repository', [create], '', []),
    mountFinding(mounting),
    remove === undefined ? notKnown('delete', 'not asked without a repository') : deleteFinding(remove),
  ];
  return exists ? { findings, existing: repository } : { findings };
}

function rightsFinding(
  check: DoctorCheck,
  calls: readonly DryCall[],
  where: string,
  unasked: readonly string[],
): DoctorFinding {
  const named = (outcome: DryCall['outcome']): DryCall[] => calls.filter((call) => call.outcome === outcome);
  const list = (some: readonly DryCall[]): string => some.map(({ action }) => action).join(', ');
  const [allowed, denied, unclear] = [named('allowed'), named('denied'), named('not-known')];
  const rest = unasked.length === 0 ? '' : `; not asked: ${unasked.join(', ')}`;
  if (denied.length > 0) {
    const message = `${list(denied)} denied ${where}`.trim();
    return bad(check, `${message}: ${denied[0]?.error?.reason ?? ''}`, { hint: denied[0]?.error?.hint });
  }
  if (unclear.length > 0) {
    const reason = unclear[0]?.error?.message ?? '';
    return notKnown(check, `${list(unclear)}: ${reason}`, { hint: unclear[0]?.error?.hint });
  }
  return good(check, `${list(allowed)} allowed ${where}`.trim() + rest);
}

function mountFinding(mounting: string | undefined): DoctorFinding {
  if (mounting === 'ENABLED') return good('mount', 'the account mounts blobs from other repositories (BLOB_MOUNTING)');
  const hint =
    'aws ecr put-account-setting --name BLOB_MOUNTING --value ENABLED saves uploads of layers that images share';
  if (mounting === undefined)
    return notKnown('mount', 'the account setting BLOB_MOUNTING cannot be read (ecr:GetAccountSetting)', { hint });
  return good('mount', 'the account does not mount blobs: push uploads a layer to each repository', { hint });
}

function deleteFinding({ outcome, error }: DryCall): DoctorFinding {
  if (outcome === 'allowed') return good('delete', 'ecr:BatchDeleteImage allowed');
  const hint = 'grant ecr:BatchDeleteImage for prune --delete; push does not need it';
  if (outcome === 'denied') return good('delete', 'ecr:BatchDeleteImage denied, which push does not need', { hint });
  return notKnown('delete', error?.message ?? 'no clear answer', { hint });
}
