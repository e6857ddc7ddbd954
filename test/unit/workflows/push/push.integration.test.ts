import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Emit } from '../../../../src/base/events.ts';
import { toEcrName } from '../../../../src/ecr/names.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { formatReference } from '../../../../src/oci/reference.ts';
import { missingRepositories, planPush } from '../../../../src/workflows/push/plan-push.ts';
import { push } from '../../../../src/workflows/push/push.ts';
import type { Receipt } from '../../../../src/workflows/push/receipt.ts';
import { missingFromReceipt, verifyReceipt } from '../../../../src/workflows/verify/verify-receipt.ts';
import { chart, graphOf, inventoryOf, registry, write } from '../../../support/bundles.ts';
import { MemoryRegistry, noise } from '../../../support/memory-registry.ts';
import { bundleFile, context, ecrForTest, pushOptions } from '../../../support/push-to-ecr.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const silently = async (): Promise<void> => {};
const names = ['m/docker.io/library/b', 'm/quay.io/a', 'm/quay.io/multi', 'm/charts/demo'];

describe('a plan', () => {
  it('matches the push, and changes nothing', async () => {
    const ecr = await ecrForTest({ repositories: ['m/quay.io/a'], blobMounting: true });
    const options = pushOptions(ecr, [await bundleFile()]);
    const [plan] = await planPush(context, options);
    expect(plan?.repositories).toEqual({
      existing: ['m/quay.io/a'],
      missing: names.filter((name) => name !== 'm/quay.io/a'),
      onPush: [],
    });
    expect(plan?.items.map(({ status }) => status)).toEqual(['send', 'send', 'send', 'send']);
    expect(ecr.requests.filter(({ request }) => /^(?:PUT|POST)|^Create/.test(request))).toEqual([]);

    const [result] = await push(context, options, silently);
    expect({ blobs: result?.blobs.stored, bytes: result?.bytes }).toEqual({ blobs: plan?.blobs, bytes: plan?.bytes });
    const [after] = await planPush(context, options);
    expect(after).toMatchObject({ blobs: 0, bytes: 0 });
    expect(after?.items.map(({ status }) => status)).toEqual(['present', 'present', 'present', 'present']);
  });

  it('names tags to overwrite, or fails like a push', async () => {
    const ecr = await ecrForTest();
    const other = new MemoryRegistry();
    other.addImage('quay.io/a', '1', [noise('another', 100)]);
    const file = await bundleFile();
    await push(context, pushOptions(ecr, [await bundleFile(other, { images: ['quay.io/a:1'] })]), silently);
    const planned = (existing: 'overwrite' | 'skip') => planPush(context, pushOptions(ecr, [file], { existing }));
    const [over] = await planned('overwrite');
    expect(over?.items.filter(({ status }) => status === 'overwrite')).toMatchObject([
      { reference: { path: 'a' }, found: expect.stringMatching(/^sha256:/) },
    ]);
    const [kept] = await planned('skip');
    expect(kept?.items.filter(({ status }) => status === 'keep')).toHaveLength(1);
    await expect(planPush(context, pushOptions(ecr, [file]))).rejects.toMatchObject({ code: 'tag-conflict' });
  });
});

describe('a push', () => {
  it('opens no bundle if the certificates cannot be read', async () => {
    const ecr = await ecrForTest();
    const missingFile = join(scratchFolder(), 'none');
    const options = pushOptions(ecr, [`${missingFile}.tar`]);
    const access = { ...options.access, caFile: `${missingFile}.pem` };
    await expect(push(context, { ...options, access }, silently)).rejects.toMatchObject({ code: 'config' });
  });

  it('leaves repositories to a creation template', async () => {
    const ecr = await ecrForTest({
      templates: [{ prefix: 'm', appliedFor: ['CREATE_ON_PUSH'], imageTagMutability: 'IMMUTABLE' }],
    });
    const [result] = await push(context, pushOptions(ecr, [await bundleFile()]), silently);
    expect([...(result?.onPush ?? [])].sort()).toEqual([...names].sort());
    expect(ecr.requests.map(({ request }) => request)).not.toContain('CreateRepository');
    expect(ecr.repositories.get('m/quay.io/a')?.settings).toMatchObject({ byTemplate: 'm' });
  });

  it('checks all blobs of a repository with one ECR API call, and none in the registry', async () => {
    const ecr = await ecrForTest({ repositories: names });
    const [result] = await push(context, pushOptions(ecr, [await bundleFile()]), silently);
    expect(result?.blobs.stored).toBeGreaterThan(names.length);
    const sentRequests = ecr.requests.map(({ request }) => request);
    expect(sentRequests.filter((request) => /^HEAD .*\/blobs\//.test(request))).toEqual([]);
    expect(sentRequests.filter((request) => request === 'BatchCheckLayerAvailability')).toHaveLength(names.length);
  });

  it('sends no existence checks for repositories that it has just created', async () => {
    const ecr = await ecrForTest();
    await push(context, pushOptions(ecr, [await bundleFile()]), silently);
    const sent = ecr.requests.findIndex(({ request }) => /^PUT .*\/manifests\//.test(request));
    const sentRequests = ecr.requests.slice(0, sent).map(({ request }) => request);
    expect(sentRequests.filter((request) => /^HEAD|^BatchCheck/.test(request))).toEqual([]);
  });

  it('creates no repository for a delta whose base bundle is missing', async () => {
    const ecr = await ecrForTest();
    const source = registry();
    const graph = await graphOf(source);
    const digest = digestOf(noise('base', 30_000));
    const requires = [{ digest, size: 30_000, repositories: ['quay.io/a'] }];
    const file = join(scratchFolder(), 'delta.tar');
    await write(file, source, {
      graph,
      inventory: { ...inventoryOf(graph, [chart]), since: digestOf(Buffer.from('older')), requires },
    });
    await expect(push(context, pushOptions(ecr, [file]), silently)).rejects.toMatchObject({
      causes: expect.arrayContaining([
        expect.objectContaining({ code: 'image-not-found', message: expect.stringContaining(digest) }),
      ]),
    });
    expect(ecr.requests.map(({ request }) => request)).not.toContain('CreateRepository');
    expect(ecr.repositories.size).toBe(0);
  });

  it('to immutable repositories can be repeated, and rejects other content', async () => {
    const ecr = await ecrForTest();
    const repositories = { create: 'missing', reconcile: false, settings: { immutable: true } } as const;
    const options = pushOptions(ecr, [await bundleFile()], { repositories });
    await push(context, options, silently);
    const [again] = await push(context, options, silently);
    expect(again?.images.map(({ status }) => status)).toEqual(['present', 'present', 'present']);
    const other = registry();
    other.addImage('quay.io/a', '1', [noise('another', 100)]);
    const pushed = push(context, pushOptions(ecr, [await bundleFile(other)], { repositories }), silently);
    await expect(pushed).rejects.toMatchObject({
      code: 'tag-conflict',
      message: expect.stringMatching(`^${ecr.host}/m/quay.io/a:1: .*sha256:`),
    });
  });

  it('sends nothing if repositories are missing and must not be created', async () => {
    const ecr = await ecrForTest({ repositories: ['m/quay.io/a'] });
    const repositories = { create: 'never', reconcile: false, settings: {} } as const;
    const options = pushOptions(ecr, [await bundleFile()], { repositories });
    const missing = names.filter((name) => name !== 'm/quay.io/a').sort();
    expect([...(await missingRepositories(context, options)).paths].sort()).toEqual(missing);
    const pushed = push(context, options, silently);
    await expect(pushed).rejects.toMatchObject({ code: 'repository-missing' });
    await expect(pushed).rejects.toThrow(missing[0]);
    expect(ecr.requests.filter(({ request }) => /^(?:PUT|POST)|^Create/.test(request))).toEqual([]);
  });

  it('needs no AWS credentials with a stored login and --create-repositories=never', async () => {
    const ecr = await ecrForTest({ repositories: names.slice(1) });
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const home = scratchFolder();
    mkdirSync(join(home, '.docker'));
    const auth = ecr.authorization().replace('Basic ', '');
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [ecr.host]: { auth } } }));
    const warnings: string[] = [];
    const emit: Emit = (event) => void (event.type === 'warning' && warnings.push(event.message));
    const own = { ...context, env: { HOME: home }, emit };
    const file = await bundleFile();
    const within = (create: 'missing' | 'never') =>
      pushOptions(ecr, [file], { repositories: { create, reconcile: false, settings: {} } });

    await expect(push(own, within('missing'), silently)).rejects.toMatchObject({ code: 'unauthorized' });
    const [plan] = await planPush(own, within('never'));
    expect(plan?.repositories).toMatchObject({ existing: expect.arrayContaining(names), missing: [] });
    const pushed = push(own, within('never'), silently);
    const message = expect.stringContaining(`The repository with name '${names[0]}' does not exist`);
    await expect(pushed).rejects.toMatchObject({
      causes: expect.arrayContaining([expect.objectContaining({ message })]),
    });
    expect(warnings).toContainEqual(expect.stringMatching(`^repositories .*${ecr.host}`));
    ecr.createRepository(names[0] as string);
    expect(await push(own, within('never'), silently)).toHaveLength(1);
  });

  it('maps names that ECR does not allow', async () => {
    const ecr = await ecrForTest();
    const source = new MemoryRegistry();
    source.addImage('quay.io/my__org/a--b', '1', [noise('x', 100)]);
    const file = await bundleFile(source, { images: ['quay.io/my__org/a--b:1'] });
    const targets = [parseTarget(`${ecr.host}/m`, 'host-path', { toLegalPath: toEcrName })];
    await push(context, pushOptions(ecr, [file], { targets }), silently);
    expect([...ecr.repositories.keys()]).toEqual(['m/quay.io/my_run2_org/a-run2-b', 'm/charts/demo']);
  });

  it('writes a receipt whose check fails without an answer of the registry', async () => {
    const ecr = await ecrForTest();
    const options = pushOptions(ecr, [await bundleFile()]);
    const [result] = await push(context, options, silently);
    const { receipt } = result as { receipt: Receipt };
    const broken = { ...context, env: { ...context.env, DOCKER_AUTH_CONFIG: '{' } };
    const access = { ...options.access, ecrHosts: [] };
    await expect(verifyReceipt(broken, receipt, { access, concurrency: 2 })).rejects.toMatchObject({
      exitCode: 2,
      causes: Array.from({ length: 4 }, () => expect.objectContaining({ code: 'config' })),
    });
    // A mismatch is reported even if another registry does not answer.
    const items = receipt.items.map((item, index) => (index === 0 ? { ...item, target: '127.0.0.1:1/a:1' } : item));
    ecr.repositories.get('m/quay.io/multi')?.tags.clear();
    const { differences } = await verifyReceipt(
      context,
      { ...receipt, items },
      { access: options.access, concurrency: 2 },
    );
    expect(differences.map(({ error }) => error !== undefined).sort()).toEqual([false, true]);
  });

  it('writes a receipt that the registry confirms, until something changes', async () => {
    const ecr = await ecrForTest();
    const file = await bundleFile();
    const options = pushOptions(ecr, [file]);
    const [result] = await push(context, options, silently);
    if (result === undefined) throw new Error('one target');
    const { receipt } = result;
    expect(receipt).toMatchObject({ target: `${ecr.host}/m`, naming: 'host-path', bundles: [{ file: 'demo.tar' }] });
    expect(receipt.items.map(({ source, target }) => [source, target])).toContainEqual([
      'quay.io/a:1',
      `${ecr.host}/m/quay.io/a:1`,
    ]);
    expect(receipt.items).toHaveLength(4);
    const check = () => verifyReceipt(context, receipt, { access: options.access, concurrency: 2 });
    expect(await check()).toMatchObject({ items: 4, differences: [] });
    expect(await missingFromReceipt(receipt, file, undefined)).toEqual([]);
    const less = { ...receipt, items: receipt.items.slice(1) };
    expect(await missingFromReceipt(less, file, undefined)).toEqual([
      expect.stringContaining(receipt.items[0]?.source ?? '?'),
    ]);
    const items = receipt.items.map((item) => ({ ...item, digest: receipt.items[0]?.digest ?? item.digest }));
    expect(await missingFromReceipt({ ...receipt, items }, file, undefined)).toHaveLength(3);
    const source = new MemoryRegistry();
    source.addImage('quay.io/a', '1', [noise('base', 30_000), noise('a', 5000)]);
    const other = await bundleFile(source, { name: 'other.tar', images: ['quay.io/a:1'] });
    expect(await missingFromReceipt(receipt, other, undefined)).toEqual([expect.stringContaining('another bundle')]);
    ecr.repositories.get('m/quay.io/a')?.tags.clear();
    const multi = ecr.repositories.get('m/quay.io/multi');
    const child = [...(multi?.manifests.keys() ?? [])][0] as string;
    multi?.tags.set('3', child);
    expect((await check()).differences).toMatchObject([
      { target: `${ecr.host}/m/quay.io/a:1` },
      { target: `${ecr.host}/m/quay.io/multi:3`, found: child },
    ]);
  });

  it('of several bundles sends shared blobs once, and rejects a name with two digests', async () => {
    const ecr = await ecrForTest({ blobMounting: true });
    const second = new MemoryRegistry();
    second.addImage('quay.io/a', '1', [noise('base', 30_000), noise('a', 5000)]);
    second.addImage('quay.io/c', '1', [noise('base', 30_000), noise('c', 100)]);
    const extra = await bundleFile(second, { name: 'more.tar', images: ['quay.io/a:1', 'quay.io/c:1'] });
    const [result] = await push(context, pushOptions(ecr, [await bundleFile(), extra]), silently);
    expect(result?.images.map(({ reference }) => formatReference(reference)).sort()).toEqual([
      'docker.io/library/b:2',
      'quay.io/a:1',
      'quay.io/c:1',
      'quay.io/multi:3',
    ]);

    const third = new MemoryRegistry();
    third.addImage('quay.io/c', '1', [noise('other', 100)]);
    const different = await bundleFile(third, { name: 'different.tar', images: ['quay.io/c:1'] });
    await expect(push(context, pushOptions(ecr, [extra, different]), silently)).rejects.toMatchObject({
      code: 'collision',
      message: expect.stringMatching(/quay\.io\/c:1 .*more\.tar .*different\.tar/),
    });
  });

  it('lists references that only the older bundle needs', async () => {
    const ecr = await ecrForTest();
    const older = registry();
    const newer = new MemoryRegistry();
    newer.addImage('quay.io/a', '2', [noise('base', 30_000)]);
    const file = await bundleFile(newer, { images: ['quay.io/a:2'] });
    const [result] = await push(context, pushOptions(ecr, [file], { retire: await bundleFile(older) }), silently);
    expect(result?.retired?.map(({ path, tag }) => `${path}:${tag}`)).toEqual([
      'm/docker.io/library/b:2',
      'm/quay.io/a:1',
      'm/quay.io/multi:3',
    ]);
  });
});
