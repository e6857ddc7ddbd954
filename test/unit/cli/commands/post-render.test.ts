import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatPostRenderMap } from '../../../../src/overrides/edits/post-render-map.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { type Ended, Terminal } from '../../../support/terminal.ts';

const IMAGE = 'docker.io/library/busybox:1';
const PRIVATE = `ecr.example/m/${IMAGE}`;
const entry = { kind: 'Pod', path: 'spec.image', from: IMAGE, to: PRIVATE };
const pod = (image: string): string => `---\n# Source: web/templates/a.yaml\nkind: Pod\nspec: {image: "${image}"}`;

let folder: string;
beforeAll(async () => {
  folder = scratchFolder();
  const entries = [
    { ...entry, template: 'web/templates/a.yaml' },
    { ...entry, template: 'web/templates/gone.yaml' },
    { ...entry, template: 'web/templates/hook.yaml', hook: true as const },
  ];
  await writeFile(
    join(folder, 'map.json'),
    formatPostRenderMap({ chart: 'web', version: '1', target: 'ecr.example/m', entries }),
  );
  await writeFile(join(folder, 'newer.json'), '{"apiVersion": "airgap/v2", "kind": "PostRenderMap"}');
});

const run = (args: readonly string[], input: string | Uint8Array, env = {}): Promise<Ended> =>
  new Terminal(['post-render', ...args], env, folder, input).run();

describe('helm airgap post-render', () => {
  it('rewrites manifests, keeps other bytes, and warns about unused entries', async () => {
    const { code, out, err } = await run(['--map', 'map.json'], pod(IMAGE));
    expect([code, out]).toEqual([0, pod(PRIVATE)]);
    expect(err.split('\n')).toEqual([
      expect.stringMatching(`^warning: ${IMAGE} .*web/templates/gone\\.yaml spec\\.image`),
      expect.stringMatching(`^warning: .*hooks.*${IMAGE}.*Helm 3`),
      '',
    ]);
  });

  it('reads the map from the environment without a flag', async () => {
    const env = { AIRGAP_POST_RENDER_MAP: 'map.json' };
    expect(await run([], pod(IMAGE), env)).toMatchObject({ code: 0, out: pod(PRIVATE) });
    expect(await run(['--map=newer.json'], pod(IMAGE), env)).toMatchObject({ code: 2, out: '' });
  });

  it.each([
    ['no map', [], 'AIRGAP_POST_RENDER_MAP'],
    ['a missing map', ['--map=nowhere.json'], 'nowhere.json'],
    ['a map of another version', ['--map=newer.json'], 'airgap/v2'],
    ['an unknown flag', ['--maps=map.json'], '--maps'],
  ])('prints nothing and exits with 2 for %s', async (_, args, message) => {
    const { code, out, err } = await run(args, pod(IMAGE));
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
  });

  it('prints nothing for input that is not UTF-8 or has no template names', async () => {
    const broken = Buffer.concat([Buffer.from(pod(IMAGE)), Buffer.from([0xff])]);
    expect(await run(['--map=map.json'], broken)).toMatchObject({ code: 1, out: '' });
    const nameless = await run(['--map=map.json'], 'kind: Pod\n');
    expect(nameless).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^Error: .*\nHint: .*helm template/),
    });
  });
});
