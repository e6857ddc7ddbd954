import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Reason to skip a test that needs these programs, if some are not on the PATH. */
export function missingPrograms(...programs: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}

/** A container daemon that keeps all its files in a test's folder. */
export interface Daemon {
  stop(): Promise<void>;
}

/**
 * Starts a daemon and waits until its socket answers. Some containers do not allow daemons.
 * @returns the daemon, or the reason why it does not run
 */
export async function startDaemon(
  program: string,
  args: readonly string[],
  answers: () => Promise<unknown>,
): Promise<Daemon | string> {
  if (process.getuid?.() !== 0) return `${program} needs root`;
  const path = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: path } });
  const ended = once(child, 'exit').catch(() => {});
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-300);
  });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    child.kill('SIGTERM');
    await ended;
  };
  for (const until = Date.now() + 20_000; Date.now() < until && child.exitCode === null; await sleep(100)) {
    const isUp = await answers().then(
      () => true,
      () => false,
    );
    if (isUp) return { stop };
  }
  await stop();
  return `${program} does not run here: ${log.trim().split('\n').at(-1)}`;
}
