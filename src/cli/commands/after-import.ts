import type { ImportResult } from '../../workflows/import/import.ts';
import { airgapCommand, fileWord, nextStep } from '../reports/next.ts';

/** After `import`: bundle what the file names, or list what it copies from registries. */
export function afterImport(file: string, { config }: Pick<ImportResult, 'config'>): string[] {
  const given = ['--config', fileWord(file)];
  if (config.from.length === 0) return [nextStep(airgapCommand('bundle', ...given, '--out', 'bundle.tar'))];
  const first = config.logins.length > 0 ? 'set the variables of the logins' : '';
  return [nextStep(airgapCommand('mirror', ...given, '--list'), first)];
}
