import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseReference } from '../../../../src/oci/reference.ts';
import { walk } from '../../../../src/transfer/walk.ts';
import { push } from '../../../../src/workflows/push.ts';
import { connect } from '../../../../src/workflows/registry.ts';
import type { TestEcr } from '../../../support/ecr.ts';
import { bundleFile, context, ecrForTest, pushOptions } from './set-up.ts';

/** The policies of docs/aws.md allow what the program calls, and no more. */

const document = readFileSync(join(import.meta.dirname, '../../../../docs/aws.md'), 'utf8');

interface Statement {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: string;
}

/** The statements of the policy in a section of the document. */
function policy(heading: string): readonly Statement[] {
  const section = document.slice(document.indexOf(`\n## ${heading}\n`));
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(section) ?? [];
  return JSON.parse(json).Statement;
}

const actionsOf = (statements: readonly Statement[]): string[] => statements.flatMap(({ Action }) => Action).sort();

/** IAM's actions behind a request to the data plane (ECR's user guide, "Required IAM permissions for pushing an image"). */
function dataActions(what: string): readonly string[] {
  const [method, url = ''] = what.split(' ');
  if (/\/blobs\/uploads\//.test(url)) {
    if (method === 'POST')
      return ['InitiateLayerUpload', ...(url.includes('mount=') ? ['GetDownloadUrlForLayer'] : [])];
    return ['UploadLayerPart', 'CompleteLayerUpload'];
  }
  if (url.includes('/manifests/')) return [method === 'PUT' ? 'PutImage' : 'BatchGetImage'];
  if (url.includes('/referrers/')) return ['ListImageReferrers'];
  if (url.includes('/blobs/')) return [method === 'HEAD' ? 'BatchCheckLayerAvailability' : 'GetDownloadUrlForLayer'];
  throw new Error(`no action is known for ${what}`);
}

/** The actions behind everything that was asked of the stand-in since a request. */
function called(ecr: TestEcr, since = 0): string[] {
  const all = ecr.requests.slice(since).flatMap(({ plane, what }) => {
    if (plane === 'control') return [`ecr:${what}`];
    return plane === 'data' ? dataActions(what).map((action) => `ecr:${action}`) : [];
  });
  return [...new Set(all)].sort();
}

test('pushing and reading make the calls that their policies allow, and no others', async () => {
  const ecr = await ecrForTest({ repositories: ['m/quay.io/a'], blobMounting: true });
  const settings = {
    immutable: true,
    scanOnPush: true,
    tags: { team: 'x' },
    lifecyclePolicy: '{"rules":[]}',
    repositoryPolicy: '{}',
  };
  const repositories = { create: 'missing', reconcile: true, settings } as const;
  const options = pushOptions(ecr, [await bundleFile()], { repositories });
  await push(context, options, async () => {});
  expect(called(ecr)).toEqual(
    [...actionsOf(policy('To push')), ...actionsOf(policy('Settings of repositories'))].sort(),
  );

  const before = ecr.requests.length;
  const { client } = connect(context, options.access);
  const reference = parseReference(`${ecr.host}/m/quay.io/a:1`);
  const { graph } = await walk(client, [reference], { platforms: [], concurrency: 1, emit: context.emit });
  for (const { descriptor } of graph.blobs.values()) (await client.blob(reference, descriptor).open()).resume();
  await client.head(reference, '1');
  await client.close();
  expect(called(ecr, before)).toEqual(actionsOf(policy('To pull')));
});

test('what is allowed for everything is what the service knows no other way for', () => {
  const all = [...policy('To push'), ...policy('Settings of repositories'), ...policy('To pull')];
  const wide = all.filter(({ Resource }) => Resource === '*');
  expect(new Set(actionsOf(wide))).toEqual(
    new Set(['ecr:GetAuthorizationToken', 'ecr:DescribeRepositoryCreationTemplates']),
  );
});
