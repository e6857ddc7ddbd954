/**
 * Measures how well the images of real operators are looked into: what their operators choose at run time, against what
 * is found in images packed from them.
 *
 *   npm run inside -- [--only NAME] [--no-build]
 *
 * scripts/operators.mjs builds the operators with Go; those that are not there are named as not run. A local registry
 * holds the images, and a stand-in says what projects have published (inside/published.json). Writes docs/results/operator-scan.md's
 * figures when all were looked at. Exit code 1 when the aims are missed.
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
    for (const [what, list] of Object.entries({ absent: result.absent, extras: result.extras })) {
      if (list.length > 0) console.log(`  ${what}: ${list.join(', ')}`);
    }
  }
} finally {
  await registry.stop();
}
if (results.length === 0) {
  console.error('Nothing was run: no operator is built (Go, scripts/operators.mjs).');
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
