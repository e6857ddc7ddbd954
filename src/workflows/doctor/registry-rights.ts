import { type AirgapError, asAirgapError } from '../../base/errors.ts';
import type { DoctorFinding } from '../../inventory/doctor-result.ts';
import { randomDigest } from '../../oci/digest.ts';
import { formatRepository, type Repository } from '../../oci/reference.ts';
import { deleteManifest } from '../../registry/deletes.ts';
import { mayPush, repositoryBelow, repositoryExists, tryUpload } from '../../registry/dry-calls.ts';
import { ReferrersApi } from '../../registry/referrers.ts';
import { directRoute } from '../../registry/routes.ts';
import type { Session } from '../../registry/session.ts';
import { bad, good, notKnown, ofError } from './finding.ts';

/** Name of the repository below the prefix that is asked about if none exists. */
const PROBE_NAME = 'helm-airgap-doctor';

/** What is asked. */
interface RightsOptions {
  /** Opens an upload and cancels it. */
  readonly tryUpload: boolean;
}

/** Returns the repository that is asked about if none exists. */
export function probeRepository({ registry, path }: Repository): Repository {
  return { registry, path: path === '' ? PROBE_NAME : `${path}/${PROBE_NAME}` };
}

/**
 * Asks what a login may do below a prefix, and what the registry can do, by requests that change nothing.
 * @param target registry and prefix; the path may be empty
 */
export async function checkRegistryRights(
  session: Session,
  target: Repository,
  options: RightsOptions,
): Promise<readonly DoctorFinding[]> {
  const { repository, catalog } = await findRepository(session, target);
  if (repository === undefined) {
    const where = target.path === '' ? target.registry : formatRepository(target);
    const why = `no repository was found below ${where}, and asking about one that does not exist may create it`;
    const read = notKnown('pull', `${why}`, { hint: 'ask again after the first push' });
    const hint = 'add --try-upload, which opens an upload and cancels it, or name an existing repository as the target';
    const push = options.tryUpload
      ? await uploadFinding(session, probeRepository(target))
      : notKnown('push', why, { hint });
    return [read, push, mountFinding(), notKnown('referrers', why), notKnown('delete', why), catalog];
  }
  const [push, referrers, remove] = await Promise.all([
    options.tryUpload ? uploadFinding(session, repository) : pushFinding(session, repository),
    referrersFinding(session, repository),
    deleteFinding(session, repository),
  ]);
  const pull = good('pull', `${formatRepository(repository)} may be read`);
  return [pull, push, mountFinding(), referrers, remove, catalog];
}

/** Looks for an existing repository of the prefix: the prefix itself, else the first of the registry's list. */
async function findRepository(
  session: Session,
  target: Repository,
): Promise<{ readonly repository?: Repository; readonly catalog: DoctorFinding }> {
  const isItself = target.path === '' ? false : await repositoryExists(session, target).catch(refused);
  const listed = await repositoryBelow(session, target).then(
    (path) => ({ path, catalog: good('catalog', 'the registry lists its repositories') }),
    (error: unknown) => ({ path: undefined, catalog: hiddenCatalog(asAirgapError(error)) }),
  );
  const { path, catalog } = listed;
  if (isItself) return { repository: target, catalog };
  return path === undefined ? { catalog } : { repository: { registry: target.registry, path }, catalog };
}

/** Takes a refusal for a repository that does not exist, as which many registries mean it. */
function refused(error: unknown): false {
  const { code } = asAirgapError(error);
  if (code === 'network' || code === 'interrupted') throw error;
  return false;
}

function hiddenCatalog(error: AirgapError): DoctorFinding {
  if (error.code === 'network' || error.code === 'interrupted') throw error;
  return good('catalog', `the registry does not list its repositories, which push does not need (${error.reason})`, {
    hint: 'for mirror and prune, name repositories yourself',
  });
}

async function pushFinding(session: Session, repository: Repository): Promise<DoctorFinding> {
  const where = formatRepository(repository);
  try {
    if (await mayPush(session, repository)) return good('push', `the login may push to ${where}`);
  } catch (error) {
    return deniedPush(error);
  }
  const hint = 'add --try-upload, which opens an upload and cancels it';
  return notKnown('push', `the answer of ${repository.registry} does not tell`, { hint });
}

/** Opens an upload and cancels it. */
export async function uploadFinding(session: Session, repository: Repository): Promise<DoctorFinding> {
  const where = formatRepository(repository);
  try {
    const outcome = await tryUpload(session, repository);
    const end = outcome === 'cancelled' ? 'was cancelled' : 'is left to the registry, which removes it in time';
    return good('push', `the registry opened an upload to ${where}, which ${end}`);
  } catch (error) {
    return deniedPush(error);
  }
}

function deniedPush(error: unknown): DoctorFinding {
  const { message, hint = 'use a login that may push, or have that right granted' } = asAirgapError(error);
  return bad('push', message, { hint });
}

function mountFinding(): DoctorFinding {
  return notKnown('mount', 'a mount cannot be tried without changing a repository; push uploads where a mount fails');
}

/** Asks for the referrers of nothing. */
export async function referrersFinding(session: Session, repository: Repository): Promise<DoctorFinding> {
  try {
    const list = await new ReferrersApi(session).list(directRoute(repository), randomDigest());
    if (list !== undefined) return good('referrers', 'the registry has the referrers API');
    return good(
      'referrers',
      'the registry has no referrers API: push lists signatures by tags, as the specification says',
    );
  } catch (error) {
    return ofError('referrers', asAirgapError(error), { status: 'not-known' });
  }
}

async function deleteFinding(session: Session, repository: Repository): Promise<DoctorFinding> {
  const hint = 'needed by prune --delete only';
  try {
    await deleteManifest(session, repository, randomDigest());
    return good('delete', 'the login may delete manifests');
  } catch (error) {
    const failure = asAirgapError(error);
    if (failure.code === 'unsupported')
      return good('delete', 'the registry does not delete manifests, which push does not need', { hint: failure.hint });
    if (failure.code === 'unauthorized' || failure.code === 'forbidden')
      return good('delete', 'the login may not delete manifests, which push does not need', { hint });
    return ofError('delete', failure, { status: 'not-known' });
  }
}

/** Returns the finding for a login that was refused: nothing else can be asked. */
export function notAsked(reason: string): readonly DoctorFinding[] {
  return (['pull', 'push'] as const).map((check) => notKnown(check, `not asked, because ${reason}`));
}
