import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Which run of this tool it is, among those of all hosts that share a folder. */
export interface RunIdentity {
  readonly pid: number;
  readonly host: string;
  /** Boot of the machine and its space of process numbers: where these differ, a number says nothing. '' where unknown. */
  readonly space: string;
  /** When the process began, as the system counts, since numbers are given again; '' where unknown. */
  readonly start: string;
}

/** This very run. */
export function thisRun(): RunIdentity {
  const { pid } = process;
  return { pid, host: hostname(), space: thisSpace(), start: startOf(pid) ?? '' };
}

/** `unknown`: on another host, in another container, before a restart of the machine. */
export function stateOf({ pid, host, space, start }: RunIdentity): 'runs' | 'gone' | 'unknown' {
  if (host !== hostname() || space !== thisSpace()) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'gone';
  }
  const started = startOf(pid);
  return start === '' || started === undefined || started === start ? 'runs' : 'gone';
}

function thisSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // No Linux.
    return '';
  }
}

/** Field 22 of /proc/PID/stat; the name before it may hold anything. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
