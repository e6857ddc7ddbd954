import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../base/environment.ts';

/**
 * `[profile NAME]` in the configuration file, `[NAME]` in that of credentials, `[default]` in both. Sections of other things,
 * such as `[sso-session NAME]`, have two words and do not match.
 */
const SECTION = /^[ \t]*\[[ \t]*(?:profile[ \t]+)?(?:"([^"\]]*)"|'([^'\]]*)'|([^\]\s"']+))[ \t]*\]/gm;
/** Characters that are read of a file. */
const LIMIT = 1024 * 1024;

/** Returns the names of the profiles in the files of the AWS command line, sorted; none if there are no such files. */
export async function awsProfiles(env: Environment): Promise<string[]> {
  const folder = join(env.HOME || homedir(), '.aws');
  const files = [
    env.AWS_CONFIG_FILE || join(folder, 'config'),
    env.AWS_SHARED_CREDENTIALS_FILE || join(folder, 'credentials'),
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const names = texts.flatMap((text) =>
    [...text.slice(0, LIMIT).matchAll(SECTION)].map(([, double, single, plain]) => double ?? single ?? plain ?? ''),
  );
  return [...new Set(names)].sort();
}
