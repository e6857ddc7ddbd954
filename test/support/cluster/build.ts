import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A Go program of the cluster tests. */
interface Program {
  /** Folder under programs/ with its go.mod and go.sum, and main.go if it is ours. */
  readonly module: string;
  /** Package to build: `.` or one of a required module. */
  readonly main: string;
  readonly flags?: readonly string[];
}

const KUBERNETES = 'k8s.io/component-base/version';

const programs = {
  kubernetes: {
    module: 'kubernetes',
    main: '.',
    flags: [
      '-tags=providerless,netgo,osusergo,selinux',
      `-ldflags=-s -w -X ${KUBERNETES}.gitVersion=v1.34.4 -X ${KUBERNETES}.gitMajor=1 -X ${KUBERNETES}.gitMinor=34`,
    ],
  },
  runtime: { module: 'runtime', main: '.' },
  'ecr-credential-provider': {
    module: 'ecr-credential-provider',
    main: 'k8s.io/cloud-provider-aws/cmd/ecr-credential-provider',
  },
  'prometheus-operator': {
    module: 'prometheus-operator',
    main: 'github.com/prometheus-operator/prometheus-operator/cmd/operator',
    flags: ['-ldflags=-s -w -X github.com/prometheus/common/version.Version=0.93.1'],
  },
  'prometheus-config-reloader': {
    module: 'prometheus-operator',
    main: 'github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader',
  },
  'redis-operator': {
    module: 'redis-operator',
    main: 'github.com/spotahome/redis-operator/cmd/redisoperator',
    flags: ['-ldflags=-s -w -X main.Version=v1.2.4'],
  },
  'helm-3.21.4': {
    module: 'helm-3.21.4',
    main: 'helm.sh/helm/v3/cmd/helm',
    flags: ['-ldflags=-s -w -X helm.sh/helm/v3/internal/version.version=v3.21.4'],
  },
  'helm-4.2.4': {
    module: 'helm-4.2.4',
    main: 'helm.sh/helm/v4/cmd/helm',
    flags: ['-ldflags=-s -w -X helm.sh/helm/v4/internal/version.version=v4.2.4'],
  },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

/** All programs, those without which there is no cluster first. */
export const programNames = Object.keys(programs) as ProgramName[];

const sources = join(import.meta.dirname, 'programs');
const cache = join(import.meta.dirname, '../../../.cache/cluster');

/**
 * Milliseconds for one program with a cold compiler and without modules. Two idle cores take 5 minutes for Kubernetes; while the
 * other suites run, it gets what they leave, and was once not ready after 15 (2026-11-24).
 */
const LIMIT = 40 * 60_000;

/** Folder with the go.mod of a program, and the package that it is built of. */
export function goModule(name: ProgramName): { readonly folder: string; readonly main: string } {
  const { module, main } = programs[name];
  return { folder: join(sources, module), main };
}

/** Path of a program that {@link build} has built; undefined if it has not. */
export function programPath(name: ProgramName, architecture?: string): string | undefined {
  const path = join(cache, keyOf(name, architecture), name);
  return existsSync(path) ? path : undefined;
}

/**
 * Builds a program unless one of the same sources, flags and compiler is in .cache/cluster/. Modules come from Go's cache
 * or from its configured proxy.
 * @param architecture Go's name of the processor of a Linux host; that of this machine and its system unless given
 * @returns reason why it cannot be built
 */
export function build(name: ProgramName, architecture?: string): string | undefined {
  if (programPath(name, architecture) !== undefined) return undefined;
  const { main, flags = ['-ldflags=-s -w'] }: Program = programs[name];
  const key = keyOf(name, architecture);
  const folder = join(cache, key);
  const work = `${folder}.partial`;
  for (const old of existsSync(cache) ? readdirSync(cache) : []) {
    // Of other sources: the prefix names the program and its processor.
    if (old.startsWith(key.slice(0, key.lastIndexOf('-') + 1))) rmSync(join(cache, old), { recursive: true });
  }
  mkdirSync(work, { recursive: true });
  const { status, stderr, error } = spawnSync(
    'nice',
    ['go', 'build', '-buildvcs=false', '-mod=readonly', '-trimpath', ...flags, '-o', join(work, name), main],
    {
      cwd: goModule(name).folder,
      env: {
        ...process.env,
        ...(architecture && { GOOS: 'linux', GOARCH: architecture }),
        CGO_ENABLED: '0',
        GOFLAGS: '',
        GOTOOLCHAIN: 'local',
      },
      encoding: 'utf8',
      timeout: LIMIT,
      // With SIGINT Go ends its compilers and keeps their results for the next time.
      killSignal: 'SIGINT',
    },
  );
  if (status === 0) {
    renameSync(work, folder);
    return undefined;
  }
  rmSync(work, { recursive: true });
  const isLate = (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';
  return `Go cannot build ${name}: ${isLate ? `not in ${LIMIT / 60_000} minutes` : (stderr ?? '').trim().split('\n').at(-1)}`;
}

let compiler: string | undefined;

/** Version of Go and this machine's processor. */
function compilerOf(): { readonly version: string; readonly processor: string } {
  compiler ??= execFileSync('go', ['env', 'GOVERSION', 'GOARCH'], { encoding: 'utf8' });
  const [version = '', processor = ''] = compiler.split('\n');
  return { version, processor };
}

function keyOf(name: ProgramName, architecture = compilerOf().processor): string {
  const { module, main, flags = [] }: Program = programs[name];
  const hash = createHash('sha256').update(JSON.stringify([compilerOf().version, main, flags]));
  for (const file of readdirSync(join(sources, module)).sort()) {
    hash.update(`\0${file}\0`).update(readFileSync(join(sources, module, file)));
  }
  return `${name}-${architecture}-${hash.digest('hex').slice(0, 16)}`;
}
