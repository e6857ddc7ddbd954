import { parseDocument } from '../../src/cli/config/document.ts';
import { type AccessDocument, accessSchema } from '../../src/inventory/access.ts';
import { principalMapSchema } from '../../src/inventory/principal-map.ts';
import { mappedRights } from '../../src/workflows/access/mapped-rights.ts';
import { planAccess } from '../../src/workflows/access/plan-access.ts';
import { changePolicy } from '../../src/workflows/access/repository-policy.ts';
import { mutatedJson } from './mutate.ts';
import type { Target } from './targets.ts';

const ARN = 'arn:aws:iam::123456789012:role/r';
const member = { name: 'ann', isAdmin: true };
const access: AccessDocument = {
  apiVersion: 'airgap/v1',
  kind: 'RegistryAccess',
  registry: 'msr.example',
  accounts: [{ name: 'ann', isActive: true, isAdmin: false }],
  organizations: [
    { name: 'eng', members: [member], teams: [{ name: 'dev', members: [member], namespaceAccess: 'admin' }] },
  ],
  repositories: [
    {
      namespace: 'eng',
      name: 'app',
      settings: { visibility: 'public', longDescription: 'text' },
      teams: [{ team: 'dev', access: 'read-only' }],
      users: [{ account: 'ann', access: 'admin' }],
    },
  ],
};
const map = {
  apiVersion: 'airgap/v1',
  kind: 'PrincipalMap',
  teams: { 'eng/dev': [ARN] },
  accounts: { ann: [ARN] },
  organizations: { eng: [ARN] },
};
const policy = {
  Version: '2012-10-17',
  Statement: [
    { Sid: 'AirgapAccessAdmin', Effect: 'Allow', Principal: { AWS: [ARN, ARN] }, Action: ['ecr:PutImage'] },
    { Sid: 'Own', Effect: 'Deny', Principal: '*', Action: '*' },
  ],
};

const rights = new Map([[ARN, 'read-only' as const]]);
const format = { flag: '--x', hint: '' };

/** Documents of access, and policies of ECR. */
export const accessTargets: readonly Target[] = [
  {
    name: 'access-plan',
    seeds: [Buffer.from(JSON.stringify(access))],
    bytes: mutatedJson(access),
    runs: 500,
    read: (bytes) => {
      const document = parseDocument(bytes.toString('utf8'), 'x', { schema: accessSchema, ...format });
      planAccess(document, access, { includeAdmins: true, allowPublic: true, searchLdap: false });
      mappedRights(document, { teams: new Map(), accounts: new Map([['ann', [ARN]]]), organizations: new Map() });
    },
  },
  {
    name: 'principal-map',
    seeds: [Buffer.from(JSON.stringify(map))],
    bytes: mutatedJson(map),
    runs: 500,
    read: (bytes) => {
      const schema = principalMapSchema(access, 'aws');
      const { teams, accounts, organizations } = parseDocument(bytes.toString('utf8'), 'x', { schema, ...format });
      for (const arn of [...teams.values(), ...accounts.values(), ...organizations.values()].flat()) {
        if (!/^arn:aws:(?:iam|sts)::\d{12}:[^*\s]+$/.test(arn)) throw new Error(`no principal: ${arn}`);
      }
    },
  },
  {
    name: 'repository-policy',
    seeds: [Buffer.from(JSON.stringify(policy))],
    bytes: mutatedJson(policy),
    runs: 500,
    read: (bytes) => {
      const { text } = changePolicy(bytes.toString('utf8'), rights) ?? {};
      if (text !== undefined && changePolicy(text, rights) !== undefined) throw new Error(`not stable: ${text}`);
    },
  },
];
