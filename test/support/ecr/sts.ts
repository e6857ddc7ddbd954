import type { Answer } from './state.ts';

/** Access key of the role that any caller may assume here. */
export const ROLE_KEY = 'ASIAROLEOFTHETEST';

/** Answers AssumeRole in STS's query protocol. Denied for roles with `denied` in their name. */
export function assumeRole(query: string): Answer {
  if (query.includes('denied')) {
    const body =
      '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>';
    return { status: 403, headers: { 'content-type': 'text/xml' }, body };
  }
  const body = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>${ROLE_KEY}</AccessKeyId><SecretAccessKey>role-secret-key</SecretAccessKey><SessionToken>role-session</SessionToken>
<Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}

/** Answers GetCallerIdentity in STS's query protocol. */
export function callerIdentity(account: string): Answer {
  const body = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::${account}:user/pusher</Arn><UserId>AIDAEXAMPLE</UserId><Account>${account}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}
