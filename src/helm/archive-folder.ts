import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { AirgapError } from '../base/errors.ts';
import { reasonOf } from '../base/file-failure.ts';
import { nameOfArchive } from './addresses.ts';
import { readArchive } from './chart-archive.ts';
import { parseMetadata } from './chart-metadata.ts';

interface ArchiveInfo {
  readonly path: string;
  readonly name: string;
  readonly version: string;
}

/**
 * Finds the archive of a chart in a folder by name and version in its Chart.yaml, or by its file name if that cannot be
 * read. A leading `v` of versions is ignored. A constraint selects the newest matching version.
 * @param version version or constraint; empty for the newest
 * @throws AirgapError `file` if the folder cannot be read
 */
export async function findChartArchive(folder: string, name: string, version: string): Promise<string | undefined> {
  const files = await readdir(folder).catch((cause: unknown) => {
    throw new AirgapError('file', `cannot read the folder ${folder} of a chart mirror: ${reasonOf(cause)}`, {
      hint: 'check the folder given with --chart-mirror',
      cause,
    });
  });
  const archives = files.filter((file) => /\.(?:tgz|tar\.gz)$/.test(file)).sort();
  // Archives are nearly always named after their charts, and reading all archives of a large folder is slow.
  const namedAfterChart = archives.filter((file) => file.startsWith(`${name}-`));
  const others = archives.filter((file) => !file.startsWith(`${name}-`));
  return (await bestMatch(folder, namedAfterChart, name, version)) ?? (await bestMatch(folder, others, name, version));
}

async function bestMatch(
  folder: string,
  files: readonly string[],
  name: string,
  version: string,
): Promise<string | undefined> {
  const candidates: ArchiveInfo[] = [];
  for (const file of files) candidates.push(await describeArchive(join(folder, file), file));
  const named = candidates.filter((archive) => archive.name === name);
  const exact = named.find((archive) => bareVersion(archive.version) === bareVersion(version));
  if (exact !== undefined) return exact.path;
  // Helm's constraints (Masterminds/semver) use a comma for "and", npm's a space.
  const range = semver.validRange(version.replace(/,/g, ' '));
  if (range === null) return undefined;
  const valid = named.flatMap((archive) => {
    const parsed = semver.parse(bareVersion(archive.version), { loose: true });
    return parsed === null ? [] : [{ ...archive, parsed }];
  });
  const satisfying = valid.filter(({ parsed }) => semver.satisfies(parsed, range));
  return satisfying.sort((a, b) => semver.rcompare(a.parsed, b.parsed))[0]?.path;
}

function bareVersion(version: string): string {
  return version.replace(/^v/, '').replaceAll('_', '+');
}

async function describeArchive(path: string, file: string): Promise<ArchiveInfo> {
  const { name, version } = nameOfArchive(file.replace(/\.(?:tgz|tar\.gz)$/, ''));
  try {
    const { files } = await readArchive(path, /^Chart\.yaml$/);
    return { path, ...parseMetadata(files.get('Chart.yaml')?.toString('utf8') ?? '', file) };
  } catch {
    // Unpacking it later reports the problem.
    return { path, name, version };
  }
}
