import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { scratchFolder } from './scratch.ts';

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  /** The whole environment of the commands; tmux adds TERM and its own variables. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** A real terminal: the only window of a detached tmux server that belongs to it alone. */
export interface RealTerminal {
  /** Everything printed so far, also what has scrolled away: lines without trailing blanks, wrapped ones joined. */
  printed(): Promise<string[]>;
  /** The lines that are visible now, without trailing blanks. */
  screen(): Promise<string[]>;
  /** Waits until the visible screen fits, 60 s at most. @returns it */
  waitFor(fits: (screen: string) => boolean): Promise<string>;
  /** All bytes that the commands have written, with escape sequences. */
  bytes(): Buffer;
  /** Types keys by tmux's names: `C-c`. */
  type(...keys: string[]): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  hasEnded(): boolean;
  /** Waits for the end of the commands, 60 s at most. @returns the exit code of the last one */
  ended(): Promise<number>;
}

/** Reason why there is no real terminal here; undefined if there is one. */
export const withoutTmux: string | undefined = (process.env.PATH ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'tmux')))
  ? undefined
  : 'tmux is not installed';

/** Holds the output in a screen that stays after the commands; without a status line all rows are theirs. */
const CONFIGURATION = 'set -g status off\nset -g history-limit 100000\nset -g escape-time 0\n';

/** Milliseconds to wait; an idle machine takes a tenth. */
const PATIENCE = 60_000;

/**
 * Runs shell commands in a real terminal, and hands it to `use`. The terminal and its programs are killed at the end.
 * @param script for sh; its exit code is that of the last command
 */
export async function inTerminal<R>(
  script: string,
  { columns, rows, env, cwd }: TerminalOptions,
  use: (terminal: RealTerminal) => Promise<R>,
): Promise<R> {
  const folder = scratchFolder();
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('tmux.conf'), CONFIGURATION);
  writeFileSync(path('bytes'), '');
  // Ctrl-C reaches the shell too, which has to outlive it. Programs start with the default reaction: a trap is not inherited.
  const steps = [
    'trap : INT',
    `while [ ! -e '${path('go')}' ]; do sleep 0.02; done`,
    `( ${script}\n)`,
    `echo $? >'${path('ended.new')}'; mv '${path('ended.new')}' '${path('ended')}'`,
    'exec sleep 600',
  ];
  writeFileSync(path('run.sh'), `${steps.join('\n')}\n`);
  const tmux = async (...args: string[]): Promise<string> => {
    const options = { env: { ...env }, extendEnv: false, cwd, timeout: 20_000, stripFinalNewline: false };
    return (await execa('tmux', ['-f', path('tmux.conf'), '-S', path('socket'), ...args], options)).stdout;
  };
  const size = (width: number, height: number): string[] => ['-x', String(width), '-y', String(height)];
  const lines = (text: string): string[] => {
    const all = text.split('\n').map((line) => line.trimEnd());
    return all.slice(0, all.findLastIndex((line) => line !== '') + 1);
  };
  const screen = async (): Promise<string[]> => lines(await tmux('capture-pane', '-p'));
  /** Asks again until there is an answer. */
  const poll = async <A>(ask: () => Promise<A | undefined>): Promise<A> => {
    for (const until = Date.now() + PATIENCE; Date.now() < until; await sleep(50)) {
      const answer = await ask();
      if (answer !== undefined) return answer;
    }
    throw new Error(`nothing more happens in the terminal:\n${(await screen()).join('\n')}`);
  };
  try {
    await tmux('new-session', '-d', ...size(columns, rows), 'sh', path('run.sh'));
    await tmux('pipe-pane', '-O', `exec cat >>'${path('bytes')}'`);
    writeFileSync(path('go.new'), '');
    renameSync(path('go.new'), path('go'));
    return await use({
      printed: async () => lines(await tmux('capture-pane', '-p', '-J', '-S', '-')),
      screen,
      waitFor: (fits) =>
        poll(async () => {
          const text = (await screen()).join('\n');
          return fits(text) ? text : undefined;
        }),
      bytes: () => readFileSync(path('bytes')),
      type: async (...keys) => void (await tmux('send-keys', ...keys)),
      resize: async (width, height) => void (await tmux('resize-window', ...size(width, height))),
      hasEnded: () => existsSync(path('ended')),
      ended: () =>
        poll(async () => (existsSync(path('ended')) ? Number(readFileSync(path('ended'), 'utf8')) : undefined)),
    });
  } finally {
    // Its programs get SIGHUP.
    await tmux('kill-server').catch(() => {});
  }
}
