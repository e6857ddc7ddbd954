import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap } from '../support/cli.ts';
import { expectLine, expectWarning } from '../support/facts.ts';
import { pushImage } from '../support/images.ts';
import { startMirantis, type TestMirantis } from '../support/mirantis.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tagsOf } from '../support/registry-tree.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Settings of repositories that `mirror` carries, between stand-ins for the APIs and with real registries for the content. */

const home = scratchFolder();
/** A registry whose content is in a real one, and whose settings are in the stand-in. */
interface Mirantis {
  readonly content: TestRegistry;
  readonly api: TestMirantis;
}

async function start(): Promise<Mirantis> {
  const content = await startRegistry();
  return { content, api: await startMirantis({ content: content.host }) };
}

const SETTINGS = { immutableTags: true, shortDescription: 'The API', longDescription: '# API\n\nOf the team.' };
let source: Mirantis;
beforeAll(async () => {
  source = await start();
  source.api.state
    .organization('team')
    .repository('team/api', { ...SETTINGS, visibility: 'public' })
    .repository('team/web', { shortDescription: 'Pages' });
  for (const name of ['team/api', 'team/web', 'team/own']) await pushImage(source.content.host, name, 'v1');
});
afterAll(() => stop(source));

async function stop({ api, content }: Mirantis): Promise<void> {
  await api.stop();
  await content.stop();
}

const plain = (...hosts: readonly string[]): string[] => hosts.flatMap((host) => ['--plain-http', host]);

test('between two: created with the settings before the first push, and then nothing to write', async () => {
  const target = await start();
  try {
    const { api } = target;
    api.state.repository('team/web', { visibility: 'public', shortDescription: 'Old' });
    const args = ['mirror', '--from', source.api.host, '--repository', 'team/*', '--to', api.host, '--naming', 'path'];
    const options = { env: { ...source.api.env, ...api.env } };
    const run = (...more: readonly string[]) =>
      airgap([...args, '--carry-repository-settings', ...plain(source.api.host, api.host), ...more], home, options);

    for (const wrong of [
      ['--list', ...args.slice(1, 5), '--carry-repository-settings'],
      [...args.slice(1), '--allow-public-repositories'],
    ]) {
      const { code, stderr } = await airgap(['mirror', ...wrong, ...plain(source.api.host)], home, options);
      expect(code, stderr).toBe(2);
    }
    const listed = await run('--list');
    expectLine(listed.stderr, 'team/api', 'The API');
    expectLine(listed.stderr, 'team/api', '--allow-public-repositories');
    const planned = JSON.parse((await run('--dry-run', '-o', 'json')).stdout).settings;
    expect(api.writes()).toEqual([]);

    // The target lacks the organization: nothing is copied.
    const refused = await run();
    expect(refused.code).toBe(1);
    expectLine(refused.stderr, 'repository team/api', '404');
    expectLine(refused.stderr, /^Hint: .*organization/);
    expect([tagsOf(target.content), api.writes()]).toEqual([[], []]);
    api.state.organization('team');

    const first = await run('-o', 'json');
    expect(first.code, first.stderr).toBe(0);
    expectWarning(first, source.api.host, '1 of 3');
    expect(JSON.parse(first.stdout).settings).toEqual(planned);
    expect(api.writes()).toEqual(['POST /api/v0/repositories/team', 'PATCH /api/v0/repositories/team/web']);
    expect(api.state.repositories.get('team/api')).toMatchObject({ ...SETTINGS, visibility: 'private' });
    expect(api.state.repositories.get('team/web')).toMatchObject({ visibility: 'private', shortDescription: 'Pages' });
    expect(tagsOf(target.content)).toHaveLength(3);

    api.forget();
    const again = await run('-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({ bytes: 0, settings: { carried: [], left: planned.left } });
    expect(api.requests.filter((request) => !request.startsWith('GET '))).toEqual([]);

    await run('--allow-public-repositories');
    expect(api.writes()).toEqual(['PATCH /api/v0/repositories/team/api']);
    expect(api.state.repositories.get('team/api')?.visibility).toBe('public');
  } finally {
    await stop(target);
  }
});
