import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { PostRenderEntry, PostRenderMap } from '../../overrides/edits/post-render-map.ts';
import { examples } from '../help.ts';
import type { CommandIO } from '../run.ts';

const HINT = 'set --map or AIRGAP_POST_RENDER_MAP to the map that helm airgap values ... --unmapped=post-render wrote';

/** Post-renderer that Helm runs before installing. Prints nothing on failure: Helm would install a partial output. */
export function postRenderCommand(io: CommandIO) {
  return new Command('post-render')
    .option('--map <file>', 'map written by values --unmapped=post-render (default: AIRGAP_POST_RENDER_MAP)')
    .addHelpText('after', examples('post-render --map app.post-render.json < manifests.yaml'))
    .action(async ({ map }) => {
      const { cwd, env, emit } = io.context;
      const mapFile = map ?? env.AIRGAP_POST_RENDER_MAP;
      if (!mapFile) throw new AirgapError('usage', 'no map was given', { hint: HINT });
      const { entries, pullSecret } = await readMap(resolve(cwd, mapFile), mapFile);
      const bytes = await io.readInput();
      const { postRender } = await import('../../overrides/edits/post-render.ts');
      const { text, unused, caller } = await postRender(decode(bytes), entries, pullSecret);
      for (const message of unusedWarnings(unused, caller)) emit({ type: 'warning', message });
      io.write(text);
    });
}

async function readMap(path: string, mapFile: string): Promise<PostRenderMap> {
  const json = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('config', `the map ${mapFile} cannot be read: ${reasonOf(cause)}`, { hint: HINT, cause });
  });
  const { parsePostRenderMap } = await import('../../overrides/edits/post-render-map.ts');
  return parsePostRenderMap(json, mapFile);
}

/** Decodes UTF-8 without loss. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AirgapError('unsupported', 'the manifests on standard input are not UTF-8', { cause });
  }
}

function unusedWarnings(unused: readonly PostRenderEntry[], caller: 'helm3' | 'helm4'): string[] {
  const isHiddenHook = ({ hook }: PostRenderEntry): boolean => hook === true && caller === 'helm3';
  const hooks = unused.filter(isHiddenHook);
  const others = unused.filter((entry) => !isHiddenHook(entry));
  return [
    ...others.map(({ from, template, path }) => {
      const location = path === undefined ? template : `${template} ${path}`;
      return `${from} not found in ${location}: nothing was rewritten for it`;
    }),
    ...(hooks.length === 0
      ? []
      : [
          `not rewritten in hooks: ${hooks.map(({ from }) => from).join(', ')}; Helm 3 does not pass hooks to post-renderers`,
        ]),
  ];
}
