import { stat } from 'node:fs/promises';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { Bundle } from '../../bundle/reading/bundle.ts';

/** Milliseconds between two looks. Clients check digests themselves, so a change does no harm meanwhile. */
const INTERVAL = 500;

type Watched = Pick<Bundle, 'path' | 'fileParts'>;

/**
 * Watches the files of open bundles until the signal is aborted.
 * @param onChange called once, with what happened to which file
 */
export async function watchBundles(
  bundles: readonly Watched[],
  signal: AbortSignal,
  onChange: (error: AirgapError) => void,
): Promise<void> {
  const paths = bundles.flatMap(({ fileParts }) => fileParts.paths);
  const states = new Map<string, string>();
  for (const path of paths) states.set(path, await stateOf(path));
  const look = async (): Promise<void> => {
    for (const [path, state] of states) if ((await stateOf(path)) !== state) throw changed(path);
  };
  if (signal.aborted) return;
  let timer: NodeJS.Timeout | undefined;
  const next = (): void => {
    if (!signal.aborted) timer = setTimeout(() => look().then(next, fail), INTERVAL);
  };
  const fail = (error: unknown): void => {
    if (!signal.aborted) onChange(error as AirgapError);
  };
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  next();
}

/** @throws AirgapError `file` if it cannot be looked at */
async function stateOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(path);
    return [dev, ino, size, mtimeMs].join(' ');
  } catch (cause) {
    throw new AirgapError('file', `${path} was lost while it was served: ${reasonOf(cause)}`, { hint: HINT, cause });
  }
}

const HINT = 'start the command again when the bundle is complete';

function changed(path: string): AirgapError {
  return new AirgapError('file', `${path} was changed while it was served`, { hint: HINT });
}
