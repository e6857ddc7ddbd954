/**
 * Measures the operator image scan on real operators: the images that they choose at run time, compared to those found in
 * images built from them.
 *
 *   npm run inside -- [--only NAME] [--no-build]
 *
 * scripts/operators.mjs builds the operators with Go; missing ones are listed as not run. A local registry serves the images,
 * and a stand-in answers which images the projects have published (inside/published.json). Without `--only` it replaces the
 * figures in docs/results/operator-scan.md. Exit code 1 if a goal is missed.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { replaceFigures } from '../bench/report.ts';
import { startRegistry } from '../test/support/registry.ts';
import { pack } from './pack.ts';
import { faults, scoreOf, tableOf, totalsOf } from './score.ts';
import { truthOf } from './truth.ts';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, build: { type: 'boolean', default: true } },
  allowNegative: true,
});
const operators = JSON.parse(readFileSync(join(import.meta.dirname, 'operators.json'), 'utf8')).filter(({ name }) =>
  name.includes(values.only),
);
if (values.build) {
  const names = [...new Set(operators.map(({ name }) => name))];
  spawnSync(process.execPath, [join(root, 'scripts/operators.mjs'), ...names], { stdio: 'inherit' });
}

const load = loadavg()[0].toFixed(1);
const results = [];
const absent = [];
const registry = await startRegistry();
try {
  for (const operator of operators) {
    const folder = join(root, '.cache/operators', `${operator.name}-${operator.version}`);
    if (!existsSync(folder)) {
      const reason = existsSync(`${folder}.txt`) ? readFileSync(`${folder}.txt`, 'utf8').trim() : 'not built yet';
      absent.push(`${operator.name} ${operator.version} (${reason})`);
      continue;
    }
    await pack(registry.host, folder, operator);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', join(import.meta.dirname, 'measure.ts'), registry.host, operator.image],
      { maxBuffer: 2 ** 28 },
    );
    const result = scoreOf(operator, truthOf(operator), JSON.parse(stdout));
    results.push(result);
    console.log(tableOf([result]).split('\n').at(-1));
    for (const [label, list] of Object.entries({ missed: result.absent, extra: result.extras })) {
      if (list.length > 0) console.log(`  ${label}: ${list.join(', ')}`);
    }
  }
} finally {
  await registry.stop();
}
if (results.length === 0) {
  console.error('Nothing to run: no operator is built (needs Go; see scripts/operators.mjs).');
  process.exit(1);
}

const day = new Date().toISOString().slice(0, 10);
const circumstances = `${day}; Node.js ${process.versions.node}, ${availableParallelism()} cores, load average at the start ${load}.`;
const left = absent.length === 0 ? '' : `\n\nNot run: ${absent.join(', ')}.`;
const figures = `${circumstances}\n\n${tableOf(results)}\n\n${totalsOf(results)}${left}`;
console.log(`\n${figures}`);
if (values.only === '') replaceFigures(join(root, 'docs/results/operator-scan.md'), 'inside', figures);
const wrong = faults(results);
for (const fault of wrong) console.error(fault);
process.exitCode = wrong.length > 0 ? 1 : 0;
