import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execaSync } from 'execa';

/**
 * Unpacks what a Containerfile copies and adds into a folder, instead of building an image: the pages need `COPY`, `ADD` of
 * archives and `ENV` only.
 * @param folder with the Containerfile
 * @param root folder that becomes `/` of the image
 * @returns environment of its containers, with the paths below `root`
 */
export function unpackImage(folder: string, root: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const line of readFileSync(join(folder, 'Containerfile'), 'utf8').split('\n')) {
    const [instruction, ...words] = line.split(' ');
    const target = join(root, words.at(-1) ?? '');
    if (instruction === 'COPY' || instruction === 'ADD') mkdirSync(target, { recursive: true });
    for (const source of words.slice(0, -1).map((word) => join(folder, word))) {
      // Programs are linked: a copy of Helm has 60 MB.
      if (instruction === 'COPY') execaSync('ln', ['-s', source, target]);
      if (instruction === 'ADD') execaSync('tar', ['-xzf', source, '-C', target]);
    }
    if (instruction === 'ENV') {
      for (const [, name = '', path = ''] of line.matchAll(/(\w+)=(\S+)/g)) env[name] = join(root, path);
    }
  }
  return env;
}

/**
 * Writes a program that notes its arguments before it runs another one.
 * @param program path, or a name on the PATH
 * @returns reads the lines so far
 */
export function notedProgram(path: string, program: string, log: string): () => string {
  const { stdout } = execaSync('sh', ['-c', 'command -v "$0"', program]);
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$*" >>'${log}'\nexec '${stdout}' "$@"\n`, { mode: 0o755 });
  return () => readFileSync(log, 'utf8');
}
