import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cost, measure } from '../bench/measure.ts';
import type { CorpusChart } from '../test/support/corpus.ts';
import { type Answer, imagesCommand, nestedFlags, writeConfig } from './airgap.ts';

/** Contenders: two ways to run bare Helm, and the plugin with and without nested charts. */
export const CONTENDERS = ['one by one', 'at once', 'images', 'nested'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** Costs by round. */
export type Costs = Readonly<Record<Contender, readonly Cost[]>>;

interface Programs {
  readonly airgap: string;
  readonly helm: string;
}

/**
 * Shell scripts by contender. In their environment: WORK, an empty folder.
 * @param config a configuration file with all the charts
 * @param parallel how many renders run at once
 */
export function scripts(
  { airgap, helm }: Programs,
  charts: readonly CorpusChart[],
  config: string,
  parallel: number,
): Record<Contender, string> {
  const renders = charts.map(({ archive, render, flags }) =>
    [helm, 'template', render.releaseName, archive, ...flags].map(quoted).join(' '),
  );
  const images = [airgap, ...imagesCommand(config, [])].map(quoted).join(' ');
  return {
    'one by one': renders.map((command) => `${command} > /dev/null`).join('\n'),
    // One file per render: the length of a command line is limited.
    'at once': [
      ...renders.map(
        (command, index) => `printf '%s\\n' ${quoted(`exec ${command} > /dev/null`)} > "$WORK/${index}.sh"`,
      ),
      `printf '%s\\n' "$WORK"/*.sh | xargs -n 1 -P ${parallel} sh`,
    ].join('\n'),
    images: `${images} --no-nested-charts > "$WORK/images.json"`,
    nested: `${[images, ...nestedFlags(charts).map(quoted)].join(' ')} > "$WORK/images.json"`,
  };
}

/** Runs all contenders in each round, starting with another one each time, so that drift affects all alike. */
export async function time(
  programs: Programs,
  charts: readonly CorpusChart[],
  folder: string,
  { rounds, parallel, log }: { rounds: number; parallel: number; log: (line: string) => void },
): Promise<Costs> {
  const config = join(folder, 'all.yaml');
  writeConfig(config, charts);
  const commands = scripts(programs, charts, config, parallel);
  const costs: Record<Contender, Cost[]> = { 'one by one': [], 'at once': [], images: [], nested: [] };
  const work = join(folder, 'work');
  for (let round = 0; round < rounds; round++) {
    for (const index of CONTENDERS.keys()) {
      const name = CONTENDERS[(index + round) % CONTENDERS.length] as Contender;
      await rm(work, { recursive: true, force: true });
      await mkdir(work, { recursive: true });
      const cost = await measure(commands[name], work, { ...process.env, HELM_BIN: programs.helm, WORK: work });
      costs[name].push(cost);
      log(`round ${round + 1}, ${name}: ${cost.wall.toFixed(2)} s, processor ${cost.cpu.toFixed(2)} s`);
      if (name === 'images' || name === 'nested') await checkAnswer(join(work, 'images.json'), charts);
    }
  }
  return costs;
}

/** Checks that an answer has all charts. @throws Error if one is missing */
async function checkAnswer(file: string, charts: readonly CorpusChart[]): Promise<void> {
  const answer = JSON.parse(await readFile(file, 'utf8')) as Answer;
  const named = answer.charts.filter(({ via }) => via === undefined).length;
  if (named !== charts.length) throw new Error(`images listed ${named} charts instead of ${charts.length}`);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
