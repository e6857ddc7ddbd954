import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../../base/errors.ts';
import { quoted } from '../../../base/printable.ts';
import { scalarText } from '../../../base/scalar-source.ts';
import { readMapping } from '../../../helm/go-yaml.ts';
import { changeScalars, isRefusal, YamlSource } from '../../../helm/yaml-source.ts';
import { type Bump, nextVersion } from './next-version.ts';

/** Version of a chart whose files changed. */
export interface ChartVersion {
  readonly name: string;
  /** Absolute path of its Chart.yaml. */
  readonly file: string;
  /** Line of the version, from 1. */
  readonly line: number;
  readonly version: string;
  /** New version; absent if it was not asked for. */
  readonly bumped?: string;
}

/**
 * Raises the version in a Chart.yaml, or only reads it.
 * @param folder of the chart (absolute)
 * @returns the version, and the old and the new text of the file
 * @throws AirgapError `chart-invalid` for a version that is no SemVer or cannot be changed in place; `file`
 */
export async function raiseVersion(
  folder: string,
  bump: Bump | undefined,
): Promise<{ readonly version: ChartVersion; readonly before: string; readonly after: string }> {
  const file = join(folder, 'Chart.yaml');
  const before = await readFile(file, 'utf8');
  const name = String(readMapping(before).name ?? '');
  const source = new YamlSource(before);
  const scalar = source.find(['version']);
  if (isRefusal(scalar)) throw notRaised(file, scalar.line, scalar.reason);
  const version = scalarText(scalar);
  const line = source.lineOf(scalar);
  if (bump === undefined) return { version: { name, file, line, version }, before, after: before };
  const bumped = nextVersion(version, bump);
  if (bumped === undefined)
    throw notRaised(file, line, `the version ${quoted(version)} is no SemVer with three numbers`);
  const { text, refused } = changeScalars(before, [{ keys: ['version'], text: version, replacement: bumped }]);
  const [refusal] = refused;
  if (refusal !== undefined) throw notRaised(file, refusal.line, refusal.reason);
  return { version: { name, file, line, version, bumped }, before, after: text };
}

function notRaised(file: string, line: number, reason: string): AirgapError {
  return new AirgapError('chart-invalid', `${file}:${line}: the version cannot be raised: ${reason}`, {
    hint: 'nothing was written; run without --bump, and set the version by hand',
  });
}
