import { count } from '../../base/count.ts';
import type { ImageVerdict, Verdicts } from '../../inventory/verdicts.ts';
import { joinLines } from './text.ts';

/** Returns why an image did not pass: `exit code 1`, `ended by SIGSEGV`, `not finished in time`. */
export function verdictText({ status, exitCode, signal }: ImageVerdict): string {
  if (status === 'passed') return 'passed';
  if (status === 'timeout') return 'not finished in time';
  return signal === undefined ? `exit code ${exitCode ?? 'unknown'}` : `ended by ${signal}`;
}

/** Formats the verdicts of a scanner: the images that failed, with the last lines that it wrote about each. */
export function verdictsReport({ command, verdicts }: Verdicts): string {
  const failed = verdicts.filter(({ status }) => status !== 'passed');
  const images = (of: readonly ImageVerdict[]): number => new Set(of.map(({ image }) => image)).size;
  const all = count(images(verdicts), 'image');
  if (failed.length === 0) return joinLines([`${all} passed ${command}`]);
  return joinLines([
    `${images(failed)} of ${all} failed ${command}:`,
    ...failed.flatMap((verdict) => {
      const { image, platform, output } = verdict;
      const lines = output === undefined ? [] : output.split('\n').map((line) => `      ${line}`);
      return [`  - ${image}${platform === undefined ? '' : ` (${platform})`}: ${verdictText(verdict)}`, ...lines];
    }),
  ]);
}
