import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { UserEnvironment } from './credential-files.ts';

/**
 * Returns the name of the platform's credential helper if its program is installed, which Docker and Helm use for a file that
 * has no logins yet (github.com/docker/cli, cli/config/credentials/default_store.go).
 */
export async function defaultStore({ env, platform = 'linux' }: UserEnvironment): Promise<string | undefined> {
  const isInstalled = (program: string): Promise<boolean> => isInPath(program, env.PATH ?? '');
  const name =
    platform === 'darwin' ? 'osxkeychain' : (await isInstalled('pass')) ? 'pass' : ('secretservice' as const);
  return (await isInstalled(`docker-credential-${name}`)) ? name : undefined;
}

async function isInPath(program: string, path: string): Promise<boolean> {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const isExecutable = access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (await isExecutable) return true;
  }
  return false;
}
