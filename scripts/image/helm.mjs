import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { PackageURL } from 'packageurl-js';
import { build, goModule, programPath } from '../../test/support/cluster/build.ts';
import { licenceTexts, noticeText } from '../package/notice.mjs';

const run = promisify(execFile);

/** The Helm of the image: the newest, built from Go modules, whose versions and digests go.sum pins. */
const HELM_VERSION = '4.2.4';
const NAME = `helm-${HELM_VERSION}`;

/**
 * Returns Helm for Linux on an architecture.
 * @returns {Promise<{ program: Buffer, notice: string, components: object[] }>} with the licences of all modules in it, and its
 *   components for a bill of materials, itself first
 */
export async function helmFor(architecture) {
  const reason = build(NAME, architecture);
  if (reason !== undefined) throw new Error(reason);
  const modules = await modulesOf(architecture);
  const sections = [];
  for (const { path, version, folder } of modules) {
    const texts = await licenceTexts(folder);
    if (texts.length === 0) throw new Error(`the Go module ${path} ${version} has no licence`);
    sections.push([`${path} ${version}`, ...texts].join('\n\n'));
  }
  return {
    program: await readFile(programPath(NAME, architecture)),
    notice: noticeText('Helm contains software of others, under these licences.', sections),
    components: modules.map(({ path, version }) => {
      const purl = new PackageURL(
        'golang',
        dirname(path) === '.' ? undefined : dirname(path),
        path.split('/').pop(),
        version,
      );
      const type = path === 'helm.sh/helm/v4' ? 'application' : 'library';
      return { type, 'bom-ref': purl.toString(), name: path, version, purl: purl.toString() };
    }),
  };
}

/** Returns the modules whose code is in the program, Helm first, then Go's own library. */
async function modulesOf(architecture) {
  const { folder, main } = goModule(NAME);
  const env = {
    ...process.env,
    GOOS: 'linux',
    GOARCH: architecture,
    CGO_ENABLED: '0',
    GOFLAGS: '-mod=readonly',
    GOTOOLCHAIN: 'local',
  };
  const template = '{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}';
  const { stdout } = await run('go', ['list', '-deps', '-f', template, main], { cwd: folder, env, maxBuffer: 2 ** 26 });
  const lines = [...new Set(stdout.split('\n').filter((line) => line !== ''))];
  const modules = lines.map((line) => {
    const [path, version, folder] = line.split(' ');
    return { path, version, folder };
  });
  const isHelm = ({ path }) => path === 'helm.sh/helm/v4';
  const { stdout: go } = await run('go', ['env', 'GOVERSION', 'GOROOT'], { env });
  const [goVersion, goRoot] = go.trim().split('\n');
  return [
    ...modules.filter(isHelm),
    { path: 'std', version: goVersion.replace('go', ''), folder: goRoot },
    ...modules.filter((module) => !isHelm(module)).sort((a, b) => (a.path < b.path ? -1 : 1)),
  ];
}
