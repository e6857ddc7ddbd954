import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** A program that a test has started. It is killed at the latest when the test run ends. */
export interface Child {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  /** Returns the end of its stderr. */
  log(): string;
  /** Kills it, and waits for its end. */
  stop(): Promise<void>;
}

export function startChild(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Child {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ended = once(child, 'exit').catch(() => {});
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-2000);
  });
  child.stdout.resume();
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
  };
  return { process: child, log: () => log.trim(), stop };
}
