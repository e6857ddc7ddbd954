import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatMirrorPlan, readMirrorPlan, writeMirrorPlan } from '../../../src/inventory/mirror-plan.ts';
import { tryParseRepository } from '../../../src/oci/reference.ts';
import { scratchFolder } from '../../support/scratch.ts';

const folder = scratchFolder();
const DIGEST = `sha256:${'1'.repeat(64)}`;

const repository = (name: string) => tryParseRepository(name) ?? expect.fail(name);
function write(content: unknown): string {
  const path = join(folder, 'plan.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const plan = (repositories: unknown, more: object = {}): object => ({
  apiVersion: 'airgap/v1',
  kind: 'MirrorPlan',
  repositories,
  ...more,
});

describe('a plan', () => {
  const entries = [
    { repository: repository('quay.io/team/web'), lookups: ['v2', 'v1'] },
    { repository: repository('docker.io/library/nginx'), lookups: ['1.29', DIGEST, `1.28@${DIGEST}`] },
    { repository: repository('quay.io/team/none'), lookups: [] },
  ];

  it('is sorted, with one tag a line', () => {
    expect(formatMirrorPlan(entries)).toBe(`{
  "apiVersion": "airgap/v1",
  "kind": "MirrorPlan",
  "repositories": [
    {
      "repository": "docker.io/library/nginx",
      "tags": [
        "1.28@${DIGEST}",
        "1.29",
        "${DIGEST}"
      ]
    },
    {
      "repository": "quay.io/team/web",
      "tags": [
        "v1",
        "v2"
      ]
    }
  ]
}
`);
  });

  it('is read as it was written', async () => {
    const path = join(folder, 'written.json');
    await writeMirrorPlan(path, entries);
    const read = await readMirrorPlan(path);
    expect(formatMirrorPlan(read)).toBe(readFileSync(path, 'utf8'));
    expect(read.map(({ repository: { path: name } }) => name)).toEqual(['library/nginx', 'team/web']);
  });

  it('may be edited: entries repeated, added, in any order, without tags', async () => {
    const path = write(
      plan([
        { repository: 'quay.io/team/web', tags: ['v2'] },
        { repository: 'nginx', tags: ['latest', DIGEST] },
        { repository: 'quay.io/team/web', tags: ['v1', 'v2'] },
        { repository: 'quay.io/team/empty', tags: [] },
      ]),
    );
    expect(await readMirrorPlan(path)).toEqual([
      { repository: { registry: 'docker.io', path: 'library/nginx' }, lookups: ['latest', DIGEST] },
      { repository: { registry: 'quay.io', path: 'team/web' }, lookups: ['v1', 'v2'] },
    ]);
  });
});

describe('what is no plan is refused', () => {
  it.each<[string, unknown, string]>([
    ['another kind', { apiVersion: 'airgap/v1', kind: 'Receipt' }, 'Receipt'],
    ['no kind', {}, 'MirrorPlan'],
    ['a list', [], 'MirrorPlan'],
    ['null', 'null', 'MirrorPlan'],
    ['another version', plan([], { apiVersion: 'airgap/v2' }), 'airgap/v2'],
    ['no JSON', '{"kind": "MirrorPlan",', 'JSON'],
    ['nothing', '', 'JSON'],
    ['an unknown key', plan([], { tags: [] }), 'tags'],
    ['an unknown key of an entry', plan([{ repository: 'a', tags: [], platform: 'x' }]), 'repositories.0'],
    ['no repositories', { apiVersion: 'airgap/v1', kind: 'MirrorPlan' }, 'repositories'],
    [
      'an invalid repository',
      plan([
        { repository: 'a', tags: [] },
        { repository: 'Team/App:v1', tags: [] },
      ]),
      'repositories.1.repository: "Team/App:v1"',
    ],
    ['an invalid tag', plan([{ repository: 'a', tags: ['v1', '../x'] }]), 'repositories.0.tags.1: "../x"'],
    ['a short digest', plan([{ repository: 'a', tags: ['sha256:1'] }]), 'repositories.0.tags.0'],
    ['a tag with a short digest', plan([{ repository: 'a', tags: ['v1@sha256:1'] }]), 'repositories.0.tags.0'],
    ['a digest with a digest', plan([{ repository: 'a', tags: [`${DIGEST}@${DIGEST}`] }]), 'repositories.0.tags.0'],
    ['a tag that is a number', plan([{ repository: 'a', tags: [1.1] }]), 'repositories.0.tags.0'],
  ])('%s', async (_name, content, text) => {
    const error: unknown = await readMirrorPlan(write(content)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config', exitCode: 2, message: expect.stringContaining(text) });
    expect((error as { hint?: string }).hint).toBeTruthy();
  });

  it('names ten of many problems, and no control characters', async () => {
    const tags = Array.from({ length: 5000 }, (_, i) => `bad tag ${i}\u001b[2J`);
    const error: unknown = await readMirrorPlan(write(plan([{ repository: 'a', tags }]))).catch(
      (thrown: unknown) => thrown,
    );
    const { message } = error as Error;
    expect(message.length).toBeLessThan(2000);
    expect(message).toContain('4990 more');
    expect(message).not.toContain('\u001b');
  });

  it('a folder, or nothing', async () => {
    const path = join(folder, 'folder');
    mkdirSync(path);
    await expect(readMirrorPlan(path)).rejects.toMatchObject({ code: 'config' });
    await expect(readMirrorPlan(join(folder, 'absent'))).rejects.toMatchObject({ code: 'config' });
  });
});

it('a plan that cannot be written leaves nothing behind', async () => {
  await expect(writeMirrorPlan(join(folder, 'absent/plan.json'), [])).rejects.toMatchObject({ code: 'file' });
});
