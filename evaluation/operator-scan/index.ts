import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pushImage } from '../../test/support/images.ts';
import { startRegistry } from '../../test/support/registry.ts';
import { CannotRun, defineEvaluation } from '../evaluation.ts';
import { root } from '../programs.ts';
import operators from './operators.json' with { type: 'json' };
import { faults, type Measured, type Score, scoreOf, tableOf, totalsOf } from './score.ts';
import { type Operator, truthOf } from './truth.ts';

/** Images found in real operators' programs, and the cost of the scan. */
export const operatorScan = defineEvaluation({
  script: 'inside',
  summary: `Measures the operator image scan on real operators: the images that they choose at run time, compared to those
found in images built from them. build.mjs builds the operators with Go; missing ones are listed as not run. A local
registry serves the images, and published.json answers for the registries of the projects. Exit code 1 if a goal is missed.`,
  options: {
    only: { default: '', help: 'operators whose name has this text; does not change the page' },
    build: { default: true, help: 'do not build operators that are missing' },
  },

  async measure({ only, build }) {
    const selected: readonly Operator[] = operators.filter(({ name }) => name.includes(only));
    if (build) {
      const names = new Set(selected.map(({ name }) => name));
      spawnSync(process.execPath, [join(import.meta.dirname, 'build.mjs'), ...names], { stdio: 'inherit' });
    }
    const scores: Score[] = [];
    const absent: string[] = [];
    const registry = await startRegistry();
    try {
      for (const operator of selected) {
        const folder = join(root, '.cache/operators', `${operator.name}-${operator.version}`);
        if (!existsSync(folder)) {
          const reason = existsSync(`${folder}.txt`) ? readFileSync(`${folder}.txt`, 'utf8').trim() : 'not built yet';
          absent.push(`${operator.name} ${operator.version} (${reason})`);
          continue;
        }
        const score = await measureOperator(registry.host, operator, folder);
        scores.push(score);
        console.error(tableOf([score]).split('\n').at(-1));
        for (const [label, list] of Object.entries({ missed: score.absent, extra: score.extras })) {
          if (list.length > 0) console.error(`  ${label}: ${list.join(', ')}`);
        }
      }
    } finally {
      await registry.stop();
    }
    if (scores.length === 0) throw new CannotRun('Nothing to run: no operator is built (needs Go; see build.mjs).');
    return { scores, absent };
  },

  report({ scores, absent }, { only }, { day, node, cores, load }) {
    const wrong = faults(scores);
    return {
      figures: [
        `${day}; ${node}, ${cores} cores, ${load}.`,
        tableOf(scores),
        totalsOf(scores),
        ...(absent.length === 0 ? [] : [`Not run: ${absent.join(', ')}.`]),
      ].join('\n\n'),
      section: only === '' ? 'inside' : undefined,
      faults: wrong,
      isGood: wrong.length === 0,
    };
  },
});

/** Puts a built operator into an image with one layer, and scans it in a process of its own. */
async function measureOperator(host: string, operator: Operator, folder: string): Promise<Score> {
  const { image, program } = operator;
  const packed = ['c', '--sort=name', '--owner=0', '--group=0', '-C', folder, '.'];
  const layer = execFileSync('tar', packed, { maxBuffer: 2 ** 30 });
  const [, path = '', tag] = /^[^/]+\/(.*):([^:]+)$/.exec(image) ?? [];
  const config = { Entrypoint: [`/${program}`] };
  await pushImage(host, path, tag, { name: image, platforms: ['linux/amd64'], layers: [layer], config });
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', join(import.meta.dirname, 'measure.ts'), host, image],
    { maxBuffer: 2 ** 28 },
  );
  return scoreOf(operator, truthOf(operator), JSON.parse(stdout) as Measured);
}
