/**
 * Builds real operators at the versions of operators.json, as their projects do: into .cache/operators/NAME-VERSION.
 *
 *   node evaluation/operator-scan/build.mjs [NAME…]
 *
 * The sources come from the Go module proxy, or from AIRGAP_OPERATOR_SOURCES, a folder with one folder per operator,
 * NAME@VERSION. Builds take minutes, so they run one after another, at low priority, and only once. Operators that cannot
 * be built are listed with the reason, which is also written to NAME-VERSION.txt. Exit code 1 if no operator is built.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const cache = join(import.meta.dirname, '../../.cache/operators');
const run = promisify(execFile);
const names = process.argv.slice(2);
const operators = JSON.parse(await readFile(join(import.meta.dirname, 'operators.json'), 'utf8')).filter(
  ({ name }) => names.length === 0 || names.includes(name),
);

setPriority(10);
await mkdir(cache, { recursive: true });
let built = 0;
for (const operator of operators) {
  const name = `${operator.name}-${operator.version}`;
  const folder = join(cache, name);
  try {
    if (!existsSync(folder)) await build(operator, folder);
    built++;
    await rm(`${folder}.txt`, { force: true });
    console.log(`operators: ${name}`);
  } catch (error) {
    const detail = (error.stderr || error.message).trim().split('\n').slice(-3).join(' ').slice(0, 300);
    const reason = reasonOf(error);
    await writeFile(`${folder}.txt`, `${reason}\n`);
    console.log(`operators: not built: ${name}: ${reason}: ${detail}`);
  }
}
process.exitCode = built > 0 ? 0 : 1;

/** Returns a short reason for a failed build. */
function reasonOf({ code, signal, message, stderr }) {
  if (code === 'ENOENT') return 'Go is not installed';
  if (signal) return 'its build was interrupted';
  const text = `${message} ${stderr}`;
  if (/replacement directory|403 Forbidden|404 Not Found|not available|no such host|dial tcp|i\/o timeout/.test(text)) {
    return 'one of its modules is not available';
  }
  return 'it does not compile';
}

/** Builds the content of the operator's image, and renames the folder into place when it is complete. */
async function build(operator, folder) {
  const { main, flags, variables: { prefix = '', ...variables } = {}, program, files = {} } = operator;
  const set = Object.entries(variables).map(([name, value]) => `-X ${prefix}${name}=${value}`);
  const work = `${folder}.${process.pid}`;
  try {
    const source = await sourceOf(operator, work);
    const out = join(work, 'image', program);
    const args = flags.map((flag) => flag.replace('{variables}', set.join(' ')));
    const goFlags = `-buildvcs=false ${process.env.GOFLAGS ?? ''}`.trim();
    const env = { ...process.env, CGO_ENABLED: '0', GOOS: 'linux', GOARCH: 'amd64', GOFLAGS: goFlags };
    await run('go', ['build', '-C', source, '-o', out, ...args, main], { env, maxBuffer: 1 << 26 });
    for (const [from, to] of Object.entries(files)) {
      await cp(join(source, from), join(work, 'image', to), { recursive: true, dereference: true });
    }
    await rename(join(work, 'image'), folder);
  } finally {
    await run('chmod', ['-R', 'u+w', work]).catch(() => {});
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Returns the folder with the operator's source: the given one, or the module of the proxy with its nested modules, which are
 * separate downloads.
 */
async function sourceOf({ name, version, module, sum, nested = {} }, work) {
  const given = join(process.env.AIRGAP_OPERATOR_SOURCES || join(cache, 'sources'), `${name}@${version}`);
  if (existsSync(given)) return given;
  const folder = await download(module, sum);
  if (Object.keys(nested).length === 0) return folder;
  const whole = join(work, 'source');
  await cp(folder, whole, { recursive: true });
  await run('chmod', ['-R', 'u+w', whole]);
  for (const [path, inner] of Object.entries(nested)) {
    await cp(await download(inner.module, inner.sum), join(whole, path), { recursive: true });
  }
  return whole;
}

/** Downloads a module from the proxy, and verifies its sum. */
async function download(module, sum) {
  const path = module.slice(0, module.lastIndexOf('@'));
  // operators.json pins the module; its go.sum pins the dependencies.
  const env = { ...process.env, GONOSUMDB: path };
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { env, cwd: tmpdir() }).catch((error) => {
    throw error.stdout ? new Error(JSON.parse(error.stdout).Error) : error;
  });
  const { Dir: folder, Sum: found } = JSON.parse(stdout);
  if (found !== sum) throw new Error(`${module} has the sum ${found} instead of the pinned ${sum}`);
  return folder;
}
