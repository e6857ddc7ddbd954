import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identity of a run of this tool among the runs of all hosts that share a folder. */
export interface RunIdentity {
  readonly pid: number;
  readonly host: string;
  /** Boot id and PID namespace: PIDs are comparable only within one. '' if unknown. */
  readonly space: string;
  /** Start time of the process in clock ticks, since PIDs are reused; '' if unknown. */
  readonly start: string;
}

/** Returns the identity of the current process. */
export function currentRun(): RunIdentity {
  const { pid } = process;
  return { pid, host: hostname(), space: pidNamespace(), start: processStart(pid) ?? '' };
}

/** Returns the state of a run: `unknown` on another host, in another container or before a reboot. */
export function runState({ pid, host, space, start }: RunIdentity): 'runs' | 'gone' | 'unknown' {
  if (host !== hostname() || space !== pidNamespace()) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'gone';
  }
  const started = processStart(pid);
  return start === '' || started === undefined || started === start ? 'runs' : 'gone';
}

function pidNamespace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // Not Linux.
    return '';
  }
}

/** Reads field 22 of /proc/PID/stat. The command name in field 2 may contain any character. */
function processStart(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
