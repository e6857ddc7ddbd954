import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPrincipalMap } from '../../../src/cli/config/read.ts';
import { partitionOf } from '../../../src/ecr/hosts.ts';
import type { AccessDocument } from '../../../src/inventory/access.ts';
import { scratchFolder } from '../../support/scratch.ts';

const document: AccessDocument = {
  apiVersion: 'airgap/v1',
  kind: 'RegistryAccess',
  registry: 'msr.example',
  accounts: [{ name: 'ann', isActive: true, isAdmin: false }],
  organizations: [{ name: 'eng', members: [], teams: [{ name: 'back/end', members: [] }] }],
  repositories: [],
};

function read(text: string, partition = 'aws') {
  const path = join(scratchFolder(), 'principals.yaml');
  writeFileSync(path, `apiVersion: airgap/v1\nkind: PrincipalMap\n${text}`);
  return readPrincipalMap(path, document, partition);
}

test('teams, accounts and organizations have principals of the partition', async () => {
  const map = await read(`teams: { eng/back/end: ["arn:aws:iam::123456789012:role/path/back"] }
accounts: { ann: ["arn:aws:iam::123456789012:user/ann", "arn:aws:sts::123456789012:assumed-role/dev/ann@example.com"] }
organizations: { eng: ["arn:aws:iam::123456789012:root"] }`);
  expect([map.teams.size, map.accounts.get('ann')?.length, map.organizations.size]).toEqual([1, 2, 1]);
  const china = await read('accounts: { ann: ["arn:aws-cn:iam::123456789012:user/ann"] }', 'aws-cn');
  expect(china.accounts.size).toBe(1);
});

test('unknown names and principals that are none are problems of the file, each with its line', async () => {
  const principals = [
    'arn:aws:iam::123456789012:role/*',
    '*',
    'arn:aws-cn:iam::123456789012:role/a',
    'arn:aws:iam::1234:role/a',
    'arn:aws:iam::123456789012:group/g',
    'arn:aws:iam::123456789012:role/',
    'arn:aws:iam::123456789012:role//a',
    'arn:aws:s3:::bucket',
    'ann',
  ];
  const list = principals.map((text) => `    - ${JSON.stringify(text)}`).join('\n');
  const text = `teams:\n  eng/none: []\norganizations:\n  ann: []\naccounts:\n  eve: []\n  ann:\n${list}\n`;
  const error = await read(text).catch((thrown) => thrown);
  expect([error.code, error.exitCode]).toEqual(['config', 2]);
  const lines = String(error.message)
    .split('\n')
    .map((line) => Number(/\.yaml:(\d+):/.exec(line)?.[1]));
  expect(lines.sort((a, b) => a - b)).toEqual([4, 6, 8, ...principals.map((_, i) => 10 + i)]);
  await expect(read('people: {}')).rejects.toMatchObject({ code: 'config' });
});

test.each([
  ['eu-central-1', 'aws'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['cn-north-1', 'aws-cn'],
  ['us-iso-east-1', 'aws-iso'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['eu-isoe-west-1', 'aws-iso-e'],
  ['us-isof-south-1', 'aws-iso-f'],
  ['eusc-de-east-1', 'aws-eusc'],
])('the partition of %s is %s', (region, partition) => {
  expect(partitionOf({ region })).toBe(partition);
});
