// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the file is shell
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readEnvironmentFile } from '../../../../src/lists/shell/environment.ts';
import { Values } from '../../../../src/lists/shell/values.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** What shells make of `set -a; . FILE`. */
const TEXT = `# comment
A=plain
  export B="two words" C='single $A' # comment
D=a#b
E="x $A y"
F=$A:5000
G=\${NONE:-fallback}
H=\${A}x"y"'z'
I="line
break"
J=esc\\ aped
K="back\\"slash \\$A"
L=
M=''
readonly N=last
O=one; P=two
Q=con\\
tinued
R=$D
`;

it.each(['bash', 'dash'])('values are those of %s', (shell) => {
  const file = join(scratchFolder(), 'a.env');
  writeFileSync(file, TEXT);
  const { variables, problems } = readEnvironmentFile(TEXT);
  expect(problems).toEqual([]);
  const values = new Values(new Map());
  const read = variables.map((variable) => {
    values.assign({ ...variable, isAppended: false, isConditional: false });
    const { lines, unknown } = values.expand(variable.value);
    expect(unknown).toEqual([]);
    return [variable.name, lines.map(({ text }) => text).join('\n')];
  });
  const names = read.map(([name]) => name);
  expect(names.join('')).toBe('ABCDEFGHIJKLMNOPQR');
  const print = names.map((name) => `printf '%s\\0' "$${name}"`).join('; ');
  const output = execFileSync(shell, ['-c', `set -a; . '${file}'; set +a; ${print}`], { env: {}, encoding: 'utf8' });
  expect(read.map(([, text]) => text)).toEqual(output.split('\0').slice(0, -1));
});
