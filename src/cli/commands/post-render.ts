import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { AirgapError, messageOf } from '../../base/errors.ts';
import type { PostRenderEntry, PostRenderMap } from '../../overrides/post-render-map.ts';
import type { Edge } from '../run.ts';

const HINT = 'name the map that helm airgap values … --residue=post-render wrote, with --map or AIRGAP_POST_RENDER_MAP';

/** What Helm calls between rendering and installing. Whatever fails, nothing is printed: Helm would install a half. */
export function postRenderCommand(edge: Edge): Command {
  return new Command('post-render')
    .description(
      'rewrite the references that no value reaches, as a post-renderer of Helm: manifests in, manifests out',
    )
    .option('--map <file>', 'which references become which, and where; else AIRGAP_POST_RENDER_MAP names it')
    .action(async ({ map }: { map?: string }) => {
      const { cwd, env, emit } = edge.context;
      const named = map ?? env.AIRGAP_POST_RENDER_MAP;
      if (!named) throw new AirgapError('usage', 'there is no map', { hint: HINT });
      const { entries, pullSecret } = await mapAt(resolve(cwd, named), named);
      const bytes = await edge.input();
      const { postRender } = await import('../../overrides/post-render.ts');
      const { text, unused, from } = await postRender(decode(bytes), entries, pullSecret);
      for (const message of warnings(unused, from)) emit({ type: 'warning', message });
      edge.pass(text);
    });
}

async function mapAt(path: string, named: string): Promise<PostRenderMap> {
  const json = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('config', `the map ${named} cannot be read: ${messageOf(cause)}`, { hint: HINT, cause });
  });
  const { parseMap } = await import('../../overrides/post-render-map.ts');
  return parseMap(json, named);
}

/** Text that can be given back byte for byte. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new AirgapError('unsupported', 'the manifests on standard input are not UTF-8', { cause });
  }
}

function warnings(unused: readonly PostRenderEntry[], from: 'helm3' | 'helm4'): string[] {
  const isHidden = ({ hook }: PostRenderEntry): boolean => hook === true && from === 'helm3';
  const hidden = unused.filter(isHidden);
  const rest = unused.filter((entry) => !isHidden(entry));
  return [
    ...rest.map(({ from: text, template, path }) => {
      const place = path === undefined ? template : `${template} ${path}`;
      return `${text} does not stand in ${place} here, and nothing was rewritten for it`;
    }),
    ...(hidden.length === 0
      ? []
      : [`${hidden.map(({ from: text }) => text).join(', ')} in hooks: Helm 3 does not show them to a post-renderer`]),
  ];
}
