import type { DoctorFinding, DoctorResult } from '../../inventory/doctor-result.ts';
import type { Report } from './report.ts';
import { joinLines } from './text.ts';

/** Words for the states, of equal width. */
const STATUS_TEXTS: Readonly<Record<DoctorFinding['status'], string>> = {
  good: 'good     ',
  bad: 'bad      ',
  'not-known': 'not known',
};

/** Formats the findings: a line for each, and below it what to do. */
export function doctorReport({ target, counts, checks }: DoctorResult): Report {
  const { good, bad, notKnown } = counts;
  const lines = checks.flatMap(({ check, name, status, message, hint }) => {
    const what = check === 'endpoint' && name !== undefined ? name : check.replaceAll('-', ' ');
    return [
      `${STATUS_TEXTS[status]}  ${what}: ${message}`,
      ...(hint === undefined ? [] : [`           to do: ${hint}`]),
    ];
  });
  const summary = `${good} good, ${bad} bad, ${notKnown} not known: ${target ?? 'this host'}`;
  return { result: [joinLines(lines), joinLines([summary])], notes: [] };
}
