import { afterAll, beforeAll, expect, test } from 'vitest';
import { airgap, airgapOk } from '../support/cli.ts';
import { expectFacts, expectWarning } from '../support/facts.ts';
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

let source: Mirantis;
beforeAll(async () => {
  source = await start();
  source.api.state
    .organization('team')
    .repository('team/api', {
      immutableTags: true,
      shortDescription: 'The API',
      longDescription: '# API\n\nOf the team.',
      visibility: 'public',
    })
    .repository('team/web', { shortDescription: 'The pages' });
  for (const name of ['team/api', 'team/web', 'team/own']) await pushImage(source.content.host, name, 'v1');
});
afterAll(() => stop(source));

async function stop({ api, content }: Mirantis): Promise<void> {
  await api.stop();
  await content.stop();
}

const plain = (...hosts: readonly string[]): string[] => hosts.flatMap((host) => ['--plain-http', host]);

test('from one Mirantis Secure Registry to another: created with the settings, then nothing to write', async () => {
  const target = await start();
  try {
    target.api.state.organization('team').repository('team/web', { visibility: 'public', shortDescription: 'Old' });
    const { env } = { env: { ...source.api.env, ...target.api.env } };
    const hosts = plain(source.api.host, target.api.host);
    const args = ['mirror', '--from', source.api.host, '--repository', 'team/*', '--to', target.api.host];
    const run = async (...more: readonly string[]) => {
      const all = [...args, '--naming', 'path', '--carry-repository-settings', ...hosts, ...more];
      const { stdout, stderr } = await airgapOk(all, home, { env });
      return { stdout, stderr };
    };
    const listed = await run('--list');
    const planned = JSON.parse((await run('--dry-run', '-o', 'json')).stdout);
    expect(target.api.writes()).toEqual([]);
    console.log(listed.stderr, JSON.stringify(planned.settings, null, 1));
    console.log((await run('--dry-run')).stdout);
    const first = await run();
    console.log(first.stderr);
    console.log(target.api.writes(), target.api.requests);
    target.api.forget();
    const again = await run();
    console.log(again.stderr);
    console.log(target.api.writes(), target.api.requests);
    expect(target.api.writes()).toEqual([]);
  } finally {
    await stop(target);
  }
});
