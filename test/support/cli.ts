import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { testHelms } from './helm.ts';
import { CODE_CACHE, PLUGIN } from './scratch.ts';

/** Result of a run of the command line. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input; none if absent. */
  readonly input?: string;
  /** Called with the process id once the process has started. */
  readonly started?: (pid: number) => Promise<unknown>;
  /** Sends this signal once stderr has matched, or the promise is resolved. */
  readonly interruptAt?: { readonly signal: NodeJS.Signals; readonly when: RegExp | Promise<unknown> };
}

/** Launcher of the plugin: as an archive has it (`with-plugin.ts`), or of the built checkout. */
export const launcher = join(process.env[PLUGIN] ?? join(import.meta.dirname, '../..'), 'scripts/airgap');

/** Helm of this run of the end-to-end tests: the one named by AIRGAP_TEST_HELM, otherwise the newest here. */
export function helmUnderTest(): string {
  const path = testHelms().findLast((helm) => helm.path !== undefined)?.path;
  if (path === undefined) throw new Error('no Helm is here; run scripts/setup --tests');
  return path;
}

/** A Helm that notes every `helm template`: tells how often the plugin renders. */
export interface CountingHelm {
  /** For HELM_BIN. */
  readonly path: string;
  /** Number of renders so far. */
  renders(): number;
}

/** Writes it to a folder (absolute). */
export function countingHelm(folder: string, helm = helmUnderTest()): CountingHelm {
  const [path, log] = [join(folder, 'counting-helm'), join(folder, 'counting-helm.log')];
  writeFileSync(log, '');
  const note = `[ "$1" = template ] && echo >>'${log}'`;
  writeFileSync(path, `#!/bin/sh\n${note}\nexec '${helm}' "$@"\n`, { mode: 0o755 });
  return { path, renders: () => readFileSync(log).length };
}

/** Compile cache that the runs share. Outside of vitest each home has its own. */
const codeCache = process.env[CODE_CACHE];

/** An environment without the machine's own Helm, Docker and AWS configuration. */
export function cleanEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    TMPDIR: tmpdir(),
    HELM_BIN: helmUnderTest(),
    HELM_CACHE_HOME: join(home, 'helm/cache'),
    HELM_CONFIG_HOME: join(home, 'helm/config'),
    HELM_DATA_HOME: join(home, 'helm/data'),
    // Helm and skopeo live too short for garbage: a render takes a fifth less processor time.
    GOGC: '400',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...(codeCache === undefined ? {} : { NODE_COMPILE_CACHE: codeCache }),
  };
}

/** Runs `scripts/airgap`, as a user does outside Helm. */
export async function airgap(args: readonly string[], home: string, options: RunOptions = {}): Promise<Run> {
  const { env = {}, cwd, input, started, interruptAt } = options;
  // A killed run cannot clean up, so its temporary files have to be in the test's own folder.
  const temporary = interruptAt?.signal === 'SIGKILL' ? { TMPDIR: home } : {};
  const child = execa(launcher, args, {
    env: { ...cleanEnvironment(home), ...temporary, ...env },
    extendEnv: false,
    reject: false,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    stripFinalNewline: false,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const watched = child.pid === undefined ? undefined : started?.(child.pid);
  if (interruptAt !== undefined) {
    const { signal, when } = interruptAt;
    const reached = when instanceof RegExp ? matching(child.stderr, when) : when;
    reached.then(() => child.kill(signal));
  }
  const { exitCode = -1, stdout, stderr } = await child;
  await watched;
  return { code: exitCode, stdout, stderr };
}

/** Waits until the text of a stream matches. */
function matching(stream: Readable, pattern: RegExp): Promise<void> {
  return new Promise((resolve) => {
    let seen = '';
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (pattern.test(seen)) resolve();
    });
  });
}

/** Everything that a run printed: facts may be in its result (stdout) or in its notes (stderr). */
export function printed({ stdout, stderr }: Run): string {
  return `${stdout}\n${stderr}`;
}

/** Runs it. @throws Error with its stderr unless it ends with 0 */
export async function airgapOk(args: readonly string[], home: string, options: RunOptions = {}): Promise<Run> {
  const run = await airgap(args, home, options);
  if (run.code !== 0) throw new Error(`airgap ${args.join(' ')} ended with ${run.code}:\n${run.stderr}`);
  return run;
}

/** Runs another program and returns its stdout. @throws Error if it fails */
export async function program(name: string, args: readonly string[], home: string): Promise<string> {
  const { stdout } = await execa(name, args, { env: cleanEnvironment(home), extendEnv: false, stdin: 'ignore' });
  return stdout;
}
