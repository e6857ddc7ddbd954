import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Descriptor } from '../../../../src/oci/descriptor.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { connect } from '../../../../src/session/connect.ts';
import { ReferrerCollector } from '../../../../src/transfer/referrers/collect.ts';
import { Walker, walk } from '../../../../src/transfer/walk.ts';
import { push } from '../../../../src/workflows/push/push.ts';
import type { Receipt } from '../../../../src/workflows/push/read-receipt.ts';
import { verifyReceipt } from '../../../../src/workflows/verify/verify-receipt.ts';
import { NAMES, registry, write } from '../../../support/bundles.ts';
import type { TestEcr } from '../../../support/ecr.ts';
import { ecrPublicForTest } from '../../../support/ecr-public.ts';
import { references } from '../../../support/memory-registry.ts';
import { bundleFile, context, ecrForTest, publicPushOptions, pushOptions } from '../../../support/push-to-ecr.ts';
import { addReferrer, addTagged } from '../../../support/referrers.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** The policies of docs/aws.md allow exactly the calls that the program makes. */

const document = readFileSync(join(import.meta.dirname, '../../../../docs/aws.md'), 'utf8');

interface Statement {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: string;
}

/** Returns the statements of the policy in a section of the document. */
function policy(heading: string): readonly Statement[] {
  const section = document.slice(document.search(new RegExp(`\n##+ ${heading}\n`)));
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(section) ?? [];
  return JSON.parse(json).Statement;
}

const actionsOf = (statements: readonly Statement[]): string[] => statements.flatMap(({ Action }) => Action).sort();

/** Writes a bundle of a chart and an image with a signature and an SBOM. */
async function signedBundle(): Promise<string> {
  const source = registry();
  source.listsReferrers = true;
  const image = source.manifests.get(`quay.io/a@${source.tags.get('quay.io/a:1')}`)?.descriptor as Descriptor;
  addReferrer(source, 'quay.io/a', image);
  addTagged(source, 'quay.io/a', image);
  const steps = { concurrency: 4, emit: context.emit };
  const walker = new Walker(source, { ...steps, platforms: [] });
  await walker.add(references(...NAMES));
  await new ReferrerCollector(source, walker, steps).collect(walker.graph().roots);
  const path = join(scratchFolder(), 'signed.tar');
  await write(path, source, { graph: walker.graph() });
  return path;
}

/**
 * Returns the IAM actions of a data plane request (ECR user guide, "Required IAM permissions for pushing an image").
 */
function dataActions(request: string): readonly string[] {
  const [method, url = ''] = request.split(' ');
  if (/\/blobs\/uploads\//.test(url)) {
    if (method === 'POST')
      return ['InitiateLayerUpload', ...(url.includes('mount=') ? ['GetDownloadUrlForLayer'] : [])];
    return ['UploadLayerPart', 'CompleteLayerUpload'];
  }
  if (url.includes('/manifests/')) return [method === 'PUT' ? 'PutImage' : 'BatchGetImage'];
  // Listing referrers in the control plane needs this permission (ECR API reference, "ListImageReferrers").
  if (url.includes('/referrers/')) return ['BatchGetImage'];
  if (url.includes('/blobs/')) return [method === 'HEAD' ? 'BatchCheckLayerAvailability' : 'GetDownloadUrlForLayer'];
  throw new Error(`no action is known for ${request}`);
}

/** Returns the actions of all requests to the stand-in from a position on, sorted. */
function called(ecr: TestEcr, since = 0): string[] {
  const all = ecr.requests.slice(since).flatMap(({ plane, request }) => {
    if (plane === 'control') return [`ecr:${request}`];
    return plane === 'data' ? dataActions(request).map((action) => `ecr:${action}`) : [];
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
  const options = pushOptions(ecr, [await signedBundle()], { repositories });
  const [result] = await push(context, options, async () => {});
  expect(result?.referrers.pushed).toBe(2);
  expect(called(ecr)).toEqual(
    [...actionsOf(policy('Policy for push')), ...actionsOf(policy('Policy for repository settings'))].sort(),
  );

  const before = ecr.requests.length;
  const { client } = connect(context, options.access);
  const reference = parseReference(`${ecr.host}/m/quay.io/a:1`);
  const { graph } = await walk(client, [reference], { platforms: [], concurrency: 1 });
  for (const { descriptor } of graph.blobs.values()) (await client.blob(reference, descriptor).open()).resume();
  await client.head(reference, '1');
  await client.close();
  // The permissions for pulling are sufficient for verifying a receipt.
  expect((await verifyReceipt(context, result?.receipt as Receipt, options)).differences).toEqual([]);
  expect(called(ecr, before)).toEqual(actionsOf(policy('Policy for pull')));
});

test('pushing to ECR Public makes the calls that its policy allows, and no others', async () => {
  const ecr = await ecrPublicForTest({ repositories: ['m/quay.io/a'] });
  const settings = { tags: { team: 'x' }, repositoryPolicy: '{}', catalogData: { description: 'x' } };
  const repositories = { create: 'missing', reconcile: true, settings } as const;
  const options = publicPushOptions(ecr, [await bundleFile()], { repositories });
  await push({ ...context, env: ecr.env }, options, async () => {});
  // Anyone may read, so reading needs no permission, and the registry's own token none besides that for the API's.
  const readings = new Set(['BatchGetImage', 'GetDownloadUrlForLayer']);
  const all = ecr.requests.flatMap(({ plane, request }) => {
    if (plane === 'control') return [request];
    return request.includes(' /token/') ? [] : dataActions(request).filter((action) => !readings.has(action));
  });
  const used = new Set([...all.map((action) => `ecr-public:${action}`), 'sts:GetServiceBearerToken']);
  expect([...used].sort()).toEqual(actionsOf(policy('Policy for ECR Public')));
});

test('allows on all resources only actions without resource-level permissions', () => {
  const all = [...policy('Policy for push'), ...policy('Policy for repository settings'), ...policy('Policy for pull')];
  const onAllResources = all.filter(({ Resource }) => Resource === '*');
  expect(new Set(actionsOf(onAllResources))).toEqual(
    new Set(['ecr:GetAuthorizationToken', 'ecr:DescribeRepositoryCreationTemplates']),
  );
});
