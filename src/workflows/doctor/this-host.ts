import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import semver from 'semver';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import { withScratchIn } from '../../base/scratch.ts';
import type { DoctorCheck, DoctorFinding } from '../../inventory/doctor-result.ts';
import type { Context } from '../../session/context.ts';
import { type Build, versions } from '../version/version.ts';
import { bad, good, notKnown, ofError } from './finding.ts';

/** Oldest Helm that this plugin is tested with. */
const OLDEST_HELM = '3.17.0';

/** Free bytes below which a folder counts as full: a chart with its renders takes a few MB, an operator image that is scanned more. */
const LEAST_FREE = 100_000_000;

/** Checks Helm, this program, and the folders that it writes to. */
export async function checkThisHost(context: Context, build: Build): Promise<readonly DoctorFinding[]> {
  const [found, temporary, working] = await Promise.all([
    versions(context, build),
    temporaryFolder(context),
    workingFolder(context),
  ]);
  const { version, commit, node, helm, platform } = found;
  return [
    helmFinding(helm),
    good('plugin', `helm airgap ${version} (${commit}) for ${platform}`),
    good('node', `Node.js ${node}, run by ${process.execPath}`),
    temporary,
    working,
  ];
}

function helmFinding({ version, path = 'helm', problem }: Awaited<ReturnType<typeof versions>>['helm']): DoctorFinding {
  const upgrade = 'install Helm 3.17 or newer, or set HELM_BIN to its path';
  if (version === undefined) return bad('helm', problem ?? 'no version', { hint: upgrade });
  const message = `Helm ${version} at ${path}`;
  if (semver.valid(version) === null) return notKnown('helm', `${message}: not a version`, { hint: upgrade });
  if (semver.lt(version, OLDEST_HELM)) return bad('helm', `${message} is too old`, { hint: upgrade });
  if (version !== '3.18.0') return good('helm', message);
  const regression = 'cannot pull charts with a provenance file from OCI registries, nor push versions with +';
  return notKnown('helm', `${message} has a regression: it ${regression}`, {
    hint: 'use Helm 3.18.1 or newer, unless no chart is concerned',
  });
}

async function temporaryFolder({ env }: Context): Promise<DoctorFinding> {
  const folder = env.TMPDIR || tmpdir();
  try {
    await withScratchIn(folder, async () => {});
  } catch (error) {
    if (error instanceof AirgapError) return ofError('temporary-folder', error);
    throw error;
  }
  return spaceIn('temporary-folder', folder, 'set TMPDIR to a folder with more space');
}

/** Only asks whether it is writable: not every command writes there. */
async function workingFolder({ cwd }: Context): Promise<DoctorFinding> {
  try {
    await access(cwd, constants.W_OK);
  } catch (error) {
    return notKnown('working-folder', `${cwd} cannot be written to: ${reasonOf(error)}`, {
      hint: 'name a folder with write access where a command writes a file: --out, --receipt',
    });
  }
  return spaceIn('working-folder', cwd, 'free some space, or write bundles elsewhere with --out');
}

async function spaceIn(check: DoctorCheck, folder: string, hint: string): Promise<DoctorFinding> {
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const message = `${folder} is writable, with ${(free / 1e9).toFixed(1)} GB free`;
    return free < LEAST_FREE ? bad(check, message, { hint }) : good(check, message);
  } catch (error) {
    return notKnown(check, `the free space of ${folder} cannot be read: ${reasonOf(error)}`);
  }
}
