import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatMap } from '../../../src/overrides/post-render-map.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { type Ended, Terminal } from './terminal.ts';

const IMAGE = 'docker.io/library/busybox:1';
const PRIVATE = `ecr.example/m/${IMAGE}`;
const place = { kind: 'Pod', path: 'spec.image', from: IMAGE, to: PRIVATE };
const pod = (image: string): string => `---\n# Source: web/templates/a.yaml\nkind: Pod\nspec: {image: "${image}"}`;

let folder: string;
beforeAll(async () => {
  folder = scratchFolder();
  const entries = [
    { ...place, template: 'web/templates/a.yaml' },
    { ...place, template: 'web/templates/gone.yaml' },
    { ...place, template: 'web/templates/hook.yaml', hook: true as const },
  ];
  await writeFile(
    join(folder, 'map.json'),
    formatMap({ chart: 'web', version: '1', target: 'ecr.example/m', entries }),
  );
  await writeFile(join(folder, 'newer.json'), '{"apiVersion": "airgap/v2", "kind": "PostRenderMap"}');
});

const run = (args: readonly string[], input: string | Uint8Array, env = {}): Promise<Ended> =>
  new Terminal(['post-render', ...args], env, folder, input).run();

describe('helm airgap post-render', () => {
  it('rewrites what it reads, byte for byte but for the map, and warns of what it did not find', async () => {
    const { code, out, err } = await run(['--map', 'map.json'], pod(IMAGE));
    expect([code, out]).toEqual([0, pod(PRIVATE)]);
    expect(err.split('\n')).toEqual([
      `warning: ${IMAGE} does not stand in web/templates/gone.yaml spec.image here, and nothing was rewritten for it`,
      `warning: ${IMAGE} in hooks: Helm 3 does not show them to a post-renderer`,
      '',
    ]);
  });

  it('takes the map from the environment when there is no flag', async () => {
    const env = { AIRGAP_POST_RENDER_MAP: 'map.json' };
    expect(await run([], pod(IMAGE), env)).toMatchObject({ code: 0, out: pod(PRIVATE) });
    expect(await run(['--map=newer.json'], pod(IMAGE), env)).toMatchObject({ code: 2, out: '' });
  });

  it.each([
    ['no map', [], 'there is no map'],
    ['a map that is not there', ['--map=nowhere.json'], 'the map nowhere.json cannot be read'],
    ['a map of another version', ['--map=newer.json'], 'newer.json is a map of version airgap/v2'],
    ['an unknown flag', ['--maps=map.json'], 'unknown option'],
  ])('prints nothing and ends with 2 for %s', async (_, args, message) => {
    const { code, out, err } = await run(args, pod(IMAGE));
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
  });

  it('prints nothing for what it cannot give back or place', async () => {
    const broken = Buffer.concat([Buffer.from(pod(IMAGE)), Buffer.from([0xff])]);
    expect(await run(['--map=map.json'], broken)).toMatchObject({ code: 1, out: '' });
    const nameless = await run(['--map=map.json'], 'kind: Pod\n');
    expect(nameless).toMatchObject({ code: 1, out: '', err: expect.stringContaining('of which templates they are') });
  });
});
