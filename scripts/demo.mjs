/**
 * The demonstration of scripts/demo. Exit code 1 if a step fails.
 *
 * --plugin FOLDER installs an unpacked archive instead of the checkout, and Helm then runs without Node, npm and git on its PATH;
 * --helm FILE is the Helm.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bareHost } from '../test/support/bare-host.ts';
import { startDemoRegistry } from '../test/support/demo-registry.ts';
import { testHelms } from '../test/support/helm.ts';
import { fillUpstream } from '../test/support/upstream.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const chart = 'fixtures/charts/shop';
const { values: given } = parseArgs({ options: { plugin: { type: 'string' }, helm: { type: 'string' } } });
const helm = given.helm ?? testHelms().findLast(({ path }) => path !== undefined)?.path ?? 'helm';
const work = mkdtempSync(join(tmpdir(), 'airgap-demo-'));
const env = { ...process.env, ...(given.plugin && { PATH: bareHost().env.PATH }) };
for (const [variable, folder] of [
  ['HELM_DATA_HOME', 'data'],
  ['HELM_CONFIG_HOME', 'config'],
  ['HELM_CACHE_HOME', 'cache'],
]) {
  env[variable] = join(work, folder);
}
// Without the developer's own plugins and settings.
delete env.HELM_PLUGINS;

const registries = [];
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    rmSync(work, { recursive: true, force: true });
    process.exit(130);
  });
}
try {
  await demo();
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  await Promise.all(registries.map((registry) => registry.stop()));
  rmSync(work, { recursive: true, force: true });
}

async function demo() {
  const upstream = await start();
  const target = await start();
  if (!target.isReal) {
    console.log(
      'Stand-ins in memory take the place of both registries; with docker-registry on the PATH they are real.',
    );
  }
  const [bundle, overrides] = ['shop.tar', 'overrides.yaml'].map((name) => join(work, name));
  const to = `${target.host}/mirrored`;

  title(`Helm loads the plugin from ${given.plugin === undefined ? 'this checkout' : 'an archive'}`);
  run(['plugin', 'install', given.plugin ?? root]);

  title('List the images that the chart needs, and where they are referenced');
  run(['airgap', 'images', chart]);

  const references = run(['airgap', 'images', chart, '-o', 'txt'], { quiet: true })
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const digests = await fillUpstream(upstream.host, references);
  const sources = [...new Set(references.map((reference) => reference.slice(0, reference.indexOf('/'))))];
  title(`Connected side: bundle (${upstream.host} stands in for ${sources.join(', ')})`);
  const mirrors = sources.flatMap((source) => ['--mirror', `${source}=${upstream.host}/${source}`]);
  run(['airgap', 'bundle', chart, '--out', bundle, ...mirrors, '--plain-http', upstream.host]);

  title('No internet from here on: inspect and verify the bundle');
  await upstream.stop();
  run(['airgap', 'inspect', bundle]);
  run(['airgap', 'verify', bundle]);

  title('Isolated side: push to the private registry');
  run(['airgap', 'push', bundle, '--to', to, '--plain-http', target.host]);

  title('Write values overrides that use the private registry, proved by rendering');
  const values = ['airgap', 'values', 'shop', '--bundle', bundle, '--to', to, '--plain-http', target.host];
  writeFileSync(overrides, run(values, { into: overrides }));
  show(readFileSync(overrides, 'utf8'));

  title('Images of the rendered manifests, without and with the overrides');
  const before = imageLines(run(['template', 'shop', chart]));
  show(before.join('\n'));
  const after = imageLines(run(['template', 'shop', chart, '-f', overrides]));
  show(after.join('\n'));

  const left = after.filter((line) => !line.includes(target.host));
  if (left.length > 0) throw new Error(`these lines do not use ${target.host}:\n${left.join('\n')}`);
  if (after.length !== before.length) throw new Error('the overrides changed the number of images');
  for (const line of after) await checkPresent(target, line, digests);
  const size = (statSync(bundle).size / 1024).toFixed(0);
  title(
    `Done: ${digests.size} images and the chart in one file of ${size} KiB; all ${after.length} references use ${to},`,
  );
  console.log('which has every image with its upstream digest.');
}

async function start() {
  const registry = await startDemoRegistry();
  registries.push(registry);
  return registry;
}

/** Runs Helm, printing the command as typed and its output, unless that goes to a file. @returns stdout */
function run(args, { quiet = false, into } = {}) {
  if (!quiet) {
    const shown = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ');
    console.log(
      `$ helm ${shown.replaceAll(`${work}/`, '').replaceAll(root, '.')}${into ? ` > ${into.replace(`${work}/`, '')}` : ''}`,
    );
  }
  const isShown = !quiet && !into && args[0] !== 'template';
  // In one stream, so that notes follow the result as in a terminal.
  const [program, words] = isShown ? ['/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', helm, ...args]] : [helm, args];
  const { status, stdout, error } = spawnSync(program, words, {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', quiet ? 'ignore' : 'inherit'],
  });
  if (error) throw error;
  if (isShown) show(stdout.replaceAll(`${work}/`, ''));
  if (status !== 0) throw new Error(`helm ${args.slice(0, 2).join(' ')} ended with ${status}`);
  return stdout;
}

/** Finds the lines of a render that name an image of the fixture, independently of the plugin. */
function imageLines(rendered) {
  return rendered
    .split('\n')
    .filter((line) => /[\w.-]\/[\w./-]+(?::\d[\w.-]*|@sha256:\w+)|image: busybox/.test(line) && !line.includes('#'))
    .map((line) => line.trim());
}

/** Checks that the private registry has the image of a line, with its upstream digest. */
async function checkPresent({ host, url }, line, digests) {
  const [, name, tag] = new RegExp(`${host}/([\\w./-]+)[:@]([\\w.:-]+)`).exec(line) ?? [];
  const answer = await fetch(`${url}/v2/${name}/manifests/${tag}`, {
    method: 'HEAD',
    headers: {
      accept: [
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.docker.distribution.manifest.list.v2+json',
        'application/vnd.docker.distribution.manifest.v2+json',
      ].join(', '),
    },
  });
  const digest = answer.headers.get('docker-content-digest');
  if (!answer.ok || ![...digests.values()].includes(digest)) {
    throw new Error(`${host}/${name} has no ${tag} from upstream (${answer.status}, ${digest})`);
  }
}

function title(text) {
  console.log(`\n── ${text}`);
}

function show(text) {
  const trimmed = text.trimEnd();
  if (trimmed !== '') console.log(trimmed.replaceAll(`${work}/`, ''));
}
