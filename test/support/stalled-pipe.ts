import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from './scratch.ts';

/** A pipe that is full, and whose reader has stopped reading. */
export interface StalledPipe {
  /** File descriptor to write to, for a child process. `started` closes it here. */
  readonly writing: number;
  /** Is called once the child process has the pipe: its end is the end of the pipe. */
  started(): void;
  /** Reads on to the end. @returns what was written after the pipe was full */
  drain(): Promise<string>;
  /** Closes the reading end. */
  close(): void;
}

export function stalledPipe(): StalledPipe {
  const path = join(scratchFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  // Opened for both directions, since opening for one waits for the other.
  const filling = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const reading = openSync(path, constants.O_RDONLY);
  const writing = openSync(path, constants.O_WRONLY);
  let filled = 0;
  try {
    for (;;) filled += writeSync(filling, Buffer.alloc(4096, '\n'));
  } catch {
    // EAGAIN: it is full.
  }
  closeSync(filling);
  rmSync(path);
  return {
    writing,
    started: () => closeSync(writing),
    async drain() {
      const cat = spawn('cat', { stdio: [reading, 'pipe', 'inherit'] });
      closeSync(reading);
      const chunks: Buffer[] = await (cat.stdout?.toArray() ?? []);
      return Buffer.concat(chunks).subarray(filled).toString('utf8');
    },
    close: () => closeSync(reading),
  };
}
