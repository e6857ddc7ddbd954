import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { NAMES, registry, write } from '../support/bundles.ts';
import { cleanEnvironment } from '../support/cli.ts';
import { everyHelm } from '../support/helm.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Shell completion through real Helms, from an installed checkout, and in a real bash with Helm's own script. */

const root = join(import.meta.dirname, '../..');
const folder = scratchFolder();
const plugins = join(folder, 'plug ins');

beforeAll(async () => {
  mkdirSync(plugins);
  // As `helm plugin install` does for a folder.
  symlinkSync(root, join(plugins, 'airgap'));
  await write(join(folder, 'app.tar'), registry());
  writeFileSync(join(folder, 'note.yaml'), '');
});

/** Completes a line by bash: Helm's script, and in place of the package bash-completion its two functions that this needs. */
const BASH = `
_init_completion() { words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=\${words[cword]}; prev=\${words[cword-1]}; }
_filedir() { shopt -s extglob; COMPREPLY=(); for file in "$cur"*; do [[ $file == *.@(\${1%|}) ]] && COMPREPLY+=("$file"); done; }
source <(helm completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}; COMP_TYPE=9
__start_helm
printf '%s\\n' "\${COMPREPLY[@]}"
`;

describe.each(everyHelm())('Helm $version', ({ path, version, variable }) => {
  const home = join(folder, version);
  const env: Record<string, string> = { ...cleanEnvironment(home), HELM_PLUGINS: plugins };
  const complete = async (...words: string[]): Promise<string[]> => {
    const { stdout } = await execa(path ?? '', ['__complete', 'airgap', ...words], {
      env,
      extendEnv: false,
      cwd: folder,
    });
    return stdout
      .split('\n')
      .filter(
        (line) => !/^--?(?:kube|registry-config|repository|namespace|n\b|debug|burst|qps|colou?r|content)/.test(line),
      );
  };

  test('completes commands, flags, and names in a bundle', async (context) => {
    if (path === undefined) return context.skip(`this Helm is not here; set ${variable} to the path of one`);
    expect(await complete('im')).toEqual(['image-streams', 'images', 'import', ':4']);
    expect(await complete('access', '')).toEqual(['apply', 'export', ':4']);
    expect(await complete('help', 'vers')).toEqual(['version', ':4']);
    const [flag, end] = await complete('bundle', 'x', '--split-s');
    expect(flag).toMatch(/^--split-size\t\w/);
    expect(end).toBe(':4');
    expect(await complete('extract', 'app.tar', '--chart', '')).toEqual(['demo', ':4']);
    expect((await complete('extract', 'app.tar', '--image=')).sort()).toEqual([...NAMES, ':4'].sort());
    expect(await complete('values', '--bundle', 'app.tar', 'd')).toEqual(['demo', ':4']);
    expect(await complete('extract', 'note.yaml', '--chart', '')).toEqual([':4']);
    expect(await complete('images', '--config', '')).toEqual(['yaml', 'yml', ':8']);
    expect(await complete('verify', '')).toEqual([':0']);
  });

  test('completes in bash', async (context) => {
    if (path === undefined) return context.skip(`this Helm is not here; set ${variable} to the path of one`);
    const bin = join(home, 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(path, join(bin, 'helm'));
    const inBash = async (...words: string[]): Promise<string[]> => {
      const options = { env: { ...env, PATH: `${bin}:${env.PATH}` }, extendEnv: false, cwd: folder };
      return (await execa('bash', ['-c', BASH, 'bash', 'helm', 'airgap', ...words], options)).stdout.trim().split('\n');
    };
    expect((await inBash('ver')).map((line) => line.trim())).toEqual(['verify', 'version']);
    expect(await inBash('extract', 'app.tar', '--image', 'quay.io/m')).toEqual(['quay.io/multi:3']);
    expect(await inBash('images', '--config', 'no')).toEqual(['note.yaml']);
    expect(await inBash('inspect', '-o', 'cy')).toEqual(['cyclonedx']);
  });
});
