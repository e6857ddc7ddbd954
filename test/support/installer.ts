import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { parseAllDocuments } from 'yaml';
import { cleanEnvironment, helmUnderTest } from './cli.ts';

/** Result of a chart's installer script, run without a cluster. */
export interface InstallerRun {
  /** Manifests of the releases that it would install, by name. */
  readonly releases: ReadonlyMap<string, string>;
  /** Helm calls other than `upgrade --install` and `repo update`, a line each. */
  readonly otherCalls: readonly string[];
}

/** How the installer reaches the registry of its charts. */
export interface InstallerRegistry {
  readonly pull: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Stand-in for the Helm of an installer's image: `helm upgrade --install` pulls the chart as Helm would, and renders it with
 * the given values. The stand-ins for kubectl, aws and sleep succeed at once.
 */
const HELM = `#!/bin/sh
case "$1 $2" in
  "upgrade --install") shift 2 ;;
  "repo update") exit 0 ;;
  *) echo "$*" >> "$INSTALLER/others"; exit 0 ;;
esac
name=$1 chart=$2
shift 2
version= values= sets=
while [ $# -gt 0 ]; do
  case $1 in
    --version) version=$2; shift ;;
    --values) values=$2; shift ;;
    --namespace | --timeout) shift ;;
    --set | --set-string) sets="$sets $1 $2"; shift ;;
  esac
  shift
done
mkdir -p "$INSTALLER/charts/$name" "$INSTALLER/releases"
"$INSTALLER_HELM" pull "$chart" --version "$version" $INSTALLER_PULL --destination "$INSTALLER/charts/$name" || exit 1
"$INSTALLER_HELM" template "$name" "$INSTALLER/charts/$name"/*.tgz \${values:+--values "$values"} $sets $INSTALLER_FLAGS \\
  > "$INSTALLER/releases/$name.yaml"
`;

/**
 * Runs the script of the first Job of a render that calls Helm, with a folder of its own in place of /tmp.
 * @param flags for each `helm template`
 * @param registry flags of `helm pull`, and variables, for the registry of the charts; without TLS if absent
 */
export async function runInstaller(
  render: string,
  home: string,
  flags: readonly string[] = [],
  { pull, env }: InstallerRegistry = { pull: ['--plain-http'], env: {} },
): Promise<InstallerRun> {
  const folder = join(home, 'installer');
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(folder, 'tmp'));
  writeFileSync(join(bin, 'helm'), HELM, { mode: 0o755 });
  for (const name of ['kubectl', 'aws', 'sleep'])
    writeFileSync(join(bin, name), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  const script = scriptOf(render).replaceAll('/tmp/', `${folder}/tmp/`);
  const environment = cleanEnvironment(home);
  const run = await execa('/bin/sh', ['-c', script], {
    cwd: folder,
    env: {
      ...environment,
      PATH: `${bin}:${environment.PATH}`,
      INSTALLER: folder,
      INSTALLER_HELM: helmUnderTest(),
      INSTALLER_FLAGS: flags.join(' '),
      INSTALLER_PULL: pull.join(' '),
      ...env,
    },
    extendEnv: false,
    reject: false,
    all: true,
  });
  if (run.exitCode !== 0) throw new Error(`the installer ended with ${run.exitCode}:\n${run.all}`);
  const releases = readdirSync(join(folder, 'releases')).map((file): [string, string] => [
    file.replace(/\.yaml$/, ''),
    readFileSync(join(folder, 'releases', file), 'utf8'),
  ]);
  let others: string[] = [];
  try {
    others = readFileSync(join(folder, 'others'), 'utf8').trim().split('\n');
  } catch {
    // No such call was made.
  }
  return { releases: new Map(releases), otherCalls: others };
}

function scriptOf(render: string): string {
  for (const document of parseAllDocuments(render)) {
    const object = document.toJS();
    if (object?.kind !== 'Job') continue;
    for (const { command = [], args = [] } of object.spec.template.spec.containers) {
      const script = [...command, ...args].at(-1);
      if (typeof script === 'string' && /\bhelm upgrade --install\b/.test(script)) return script;
    }
  }
  throw new Error('no Job of the render has a script that calls Helm');
}

/** All values of `image` fields in manifests. */
export function imagesOf(manifests: string): string[] {
  const found: string[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) walk(item);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if (key === 'image' && typeof item === 'string') found.push(item);
        else walk(item);
      }
    }
  };
  for (const document of parseAllDocuments(manifests, { uniqueKeys: false })) walk(document.toJS());
  return found;
}
