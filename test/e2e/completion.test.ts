import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { NAMES, registry, write } from '../support/bundles.ts';
import { cleanEnvironment } from '../support/cli.ts';
import { missingPrograms } from '../support/daemon.ts';
import { everyHelm } from '../support/helm.ts';
import { scratchFolder } from '../support/scratch.ts';

/** Shell completion through real Helms, from an installed checkout, and in real shells with Helm's own scripts. */

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

/** Completes a line by fish. */
const FISH = 'helm completion fish | source; complete --do-complete "$argv"';

/**
 * Types a line and a tab in an interactive zsh of its own terminal, and prints what the terminal shows. A key that the line
 * editor reads after the tab prints the completed line between angle brackets.
 */
const ZSH = `
zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal 'autoload -U compinit; compinit -u; source <(helm completion zsh)'
zpty -w terminal 'shown() { print -r -- "<<$BUFFER>>" }; zle -N shown; bindkey "^X" shown; print re""ady'
zpty -r terminal seen '*ready*'
zpty -w -n terminal $1$'\\t'$'\\x18'
zpty -r terminal seen '*<<*>>*'
print -r -- $seen
zpty -d terminal
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

  /** Options to run a shell, with this Helm as `helm`. */
  const shellOptions = (helm: string) => {
    const bin = join(home, 'bin');
    mkdirSync(bin, { recursive: true });
    if (!existsSync(join(bin, 'helm'))) symlinkSync(helm, join(bin, 'helm'));
    return { env: { ...env, PATH: `${bin}:${env.PATH}`, TERM: 'dumb' }, extendEnv: false, cwd: folder };
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
    const inBash = async (...words: string[]): Promise<string[]> => {
      const { stdout } = await execa('bash', ['-c', BASH, 'bash', 'helm', 'airgap', ...words], shellOptions(path));
      return stdout.trim().split('\n');
    };
    expect((await inBash('ver')).map((line) => line.trim())).toEqual(['verify', 'version']);
    expect(await inBash('extract', 'app.tar', '--image', 'quay.io/m')).toEqual(['quay.io/multi:3']);
    expect(await inBash('images', '--config', 'no')).toEqual(['note.yaml']);
    expect(await inBash('inspect', '-o', 'cy')).toEqual(['cyclonedx']);
  });

  test('completes in fish', async (context) => {
    if (path === undefined) return context.skip(`this Helm is not here; set ${variable} to the path of one`);
    const missing = missingPrograms('fish');
    if (missing !== undefined) return context.skip(missing);
    const inFish = async (words: string): Promise<string[]> =>
      (await execa('fish', ['-c', FISH, `helm airgap ${words}`], shellOptions(path))).stdout.split('\n');
    expect(await inFish('ver')).toEqual(['verify', 'version']);
    expect(await inFish('extract app.tar --image quay.io/m')).toEqual(['quay.io/multi:3']);
    expect(await inFish('extract app.tar --image=quay.io/m')).toEqual(['--image=quay.io/multi:3']);
    expect(await inFish('images --config no')).toEqual(['note.yaml']);
    expect(await inFish('bundle x --split-s')).toEqual([expect.stringMatching(/^--split-size\t\w/)]);
  });

  test('completes in zsh', async (context) => {
    if (path === undefined) return context.skip(`this Helm is not here; set ${variable} to the path of one`);
    const missing = missingPrograms('zsh');
    if (missing !== undefined) return context.skip(missing);
    const inZsh = async (words: string): Promise<string> =>
      (await execa('zsh', ['-f', '-c', ZSH, 'zsh', `helm airgap ${words}`], shellOptions(path))).stdout;
    const lineOf = (shown: string): string | undefined => /<<helm airgap (.*)>>/.exec(shown)?.[1];
    const several = await inZsh('ver');
    expect(lineOf(several)).toBe('ver');
    expect(several).toMatch(/verify +version/);
    expect(lineOf(await inZsh('extract app.tar --image quay.io/m'))).toBe('extract app.tar --image quay.io/multi:3 ');
    expect(lineOf(await inZsh('extract app.tar --image=quay.io/m'))).toBe('extract app.tar --image=quay.io/multi:3 ');
    expect(lineOf(await inZsh('images --config no'))).toBe('images --config note.yaml ');
    expect(await inZsh('bundle --split')).toContain('--split-size ');
  });
});
