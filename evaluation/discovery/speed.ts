import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CorpusChart } from '../../test/support/corpus.ts';
import { type Costs, inTurn, measureCost } from '../cost.ts';
import { shellCommand } from '../programs.ts';
import { type Answer, imagesCommand, nestedFlags, writeConfig } from './search.ts';

/** Contenders: two ways to run bare Helm, and the plugin with and without nested charts. */
const CONTENDERS = ['one by one', 'at once', 'images', 'nested'] as const;
export type Contender = (typeof CONTENDERS)[number];

/**
 * Shell scripts by contender. In their environment: WORK, an empty folder.
 * @param config a configuration file with all the charts
 * @param parallel how many renders run at once
 */
export function scripts(
  helm: string,
  charts: readonly CorpusChart[],
  config: string,
  parallel: number,
): Record<Contender, string> {
  const renders = charts.map(({ archive, render, flags }) =>
    shellCommand([helm, 'template', render.releaseName, archive, ...flags]),
  );
  const images = shellCommand(imagesCommand(config, []));
  return {
    'one by one': renders.map((command) => `${command} > /dev/null`).join('\n'),
    // One file per render: the length of a command line is limited.
    'at once': [
      ...renders.map(
        (command, index) => `printf '%s\\n' ${shellCommand([`exec ${command} > /dev/null`])} > "$WORK/${index}.sh"`,
      ),
      `printf '%s\\n' "$WORK"/*.sh | xargs -n 1 -P ${parallel} sh`,
    ].join('\n'),
    images: `${images} --no-nested-charts > "$WORK/images.json"`,
    nested: `${images} ${shellCommand(nestedFlags(charts))} > "$WORK/images.json"`,
  };
}

/** Times `images` and bare renders of all charts. */
export async function time(
  helm: string,
  charts: readonly CorpusChart[],
  folder: string,
  { rounds, parallel }: { rounds: number; parallel: number },
): Promise<Costs<Contender>> {
  const config = join(folder, 'all.yaml');
  writeConfig(config, charts);
  const commands = scripts(helm, charts, config, parallel);
  const work = join(folder, 'work');
  return inTurn(CONTENDERS, rounds, async (name) => {
    const cost = await measureCost(commands[name], work, { ...process.env, HELM_BIN: helm });
    if (name === 'images' || name === 'nested') await checkAnswer(join(work, 'images.json'), charts);
    return cost;
  });
}

/** Checks that an answer has all charts. @throws Error if one is missing */
async function checkAnswer(file: string, charts: readonly CorpusChart[]): Promise<void> {
  const answer = JSON.parse(await readFile(file, 'utf8')) as Answer;
  const named = answer.charts.filter(({ via }) => via === undefined).length;
  if (named !== charts.length) throw new Error(`images listed ${named} charts instead of ${charts.length}`);
}
