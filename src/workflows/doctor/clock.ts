import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import { bad, good, notKnown } from './finding.ts';

const MINUTE = 60_000;
/** Difference from which AWS refuses signatures, and token servers their own tokens. */
const TOO_MUCH = 5 * MINUTE;

/** A server and the difference of its clock to this host's, in milliseconds. */
export interface Skew {
  readonly host: string;
  readonly skew: number;
}

/** Compares the clock of this host with those of the servers that answered: the largest difference counts. */
export function checkClock(skews: readonly Skew[], now = new Date()): DoctorFinding {
  const [largest] = [...skews].sort((a, b) => Math.abs(b.skew) - Math.abs(a.skew));
  const time = `${now.toISOString().slice(0, 19)}Z`;
  if (largest === undefined) {
    const hint = 'compare it with another clock: date -u';
    return notKnown('clock', `${time} by this host, compared with no server`, { hint });
  }
  const { host, skew } = largest;
  const difference = Math.abs(skew);
  if (difference <= MINUTE) return good('clock', `${time}, as at ${host}`);
  const amount =
    difference < 2 * TOO_MUCH
      ? `${Math.round(difference / 1000)} seconds`
      : `${Math.round(difference / MINUTE)} minutes`;
  const message = `this host is ${amount} ${skew > 0 ? 'behind' : 'ahead of'} ${host}`;
  const hint = 'set the clock of the one that is wrong, by NTP (timedatectl status)';
  if (difference <= TOO_MUCH) return notKnown('clock', `${message}; AWS accepts 5 minutes`, { hint });
  return bad('clock', `${message}: AWS refuses signatures, and certificates and tokens are judged by it`, { hint });
}
