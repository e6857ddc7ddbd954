import type { Target } from '../../naming/naming.ts';
import type { Serving } from '../../workflows/serve/serve.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';
import { namingWords } from './next-steps.ts';

/** After `serve` listens: overrides with its names. */
export function afterServe(
  files: readonly string[],
  names: Pick<Target, 'naming' | 'rules' | 'chartPrefix'>,
  { address, prefix, tls }: Serving,
): string[] {
  // Every address of the host: which of them others use is not known here.
  const host = /^(?:0\.0\.0\.0|\[::\]):/.test(address) ? address.replace(/^.*:/, 'HOST:') : address;
  const target = prefix === '' ? host : `${host}/${prefix}`;
  const [file] = files;
  const bundle = file === undefined || files.length > 1 ? [] : ['--bundle', fileWord(file)];
  const words = ['CHART', ...bundle, '--to', target, ...namingWords(names), ...(tls ? [] : ['--plain-http', host])];
  return [nextStep(airgapCommand('values', ...words))];
}
