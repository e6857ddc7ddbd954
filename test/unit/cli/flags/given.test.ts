import { Command } from '@commander-js/extra-typings';
import { expect, it } from 'vitest';
import { addChartsFlags } from '../../../../src/cli/flags/charts.ts';
import { flagsOfCommand, givenArguments, givenFlags } from '../../../../src/cli/flags/given.ts';

function parsed(...args: string[]) {
  const command = addChartsFlags(new Command('images').argument('[chart...]').option('--why <text>'));
  const program = new Command().addCommand(command).addCommand(new Command('other').option('--repo <url>'));
  program.parse(['images', ...args], { from: 'user' });
  return command;
}
const all = (): boolean => true;

it('returns what was given, each value after its flag, and no defaults', () => {
  const command = parsed(
    './a',
    '-f',
    'x.yaml',
    '--no-tests',
    '--devel',
    '--set',
    'a=1',
    '--set',
    'b=2',
    '-f',
    'y.yaml',
  );
  expect(givenArguments(command)).toEqual(['./a']);
  const words = givenFlags(command, all);
  expect(words.toSorted()).toEqual(
    ['--no-tests', '--devel', '--values', 'x.yaml', '--values', 'y.yaml', '--set', 'a=1', '--set', 'b=2'].toSorted(),
  );
  expect(words.slice(words.indexOf('--values'))).toEqual(expect.arrayContaining(['--values', 'x.yaml']));
  expect(givenFlags(command, (flag) => flag === '--devel')).toEqual(['--devel']);
  expect(givenFlags(parsed('./a'), all)).toEqual([]);
});

it('returns numbers and dates as texts', () => {
  const command = new Command('mirror')
    .option('--newest <n>', '', Number)
    .option('--newer-than <date>', '', (text) => new Date(text));
  command.parse(['--newest', '2', '--newer-than', '2026-03-01'], { from: 'user' });
  expect(givenFlags(command, all)).toEqual(['--newest', '2', '--newer-than', '2026-03-01T00:00:00.000Z']);
});

it('shows no secret', () => {
  const command = parsed(
    ...['https://me:hunter2x@charts.example/a.tgz', '--username', 'me', '--password', 'hunter2x'],
    ...['--set', 'auth.password=hunter2x', '--set-string', 'apiKey=hunter2x', '--set-json', 'x={"token":"hunter2x"}'],
    ...['--repo', 'https://me:hunter2x@charts.example', '--set-file', 'secret=file.txt', '--set', 'plain=1'],
  );
  const words = [...givenArguments(command), ...givenFlags(command, all)];
  expect(words.join(' ')).not.toContain('hunter2x');
  for (const word of ['PASSWORD', 'auth.password=VALUE', 'apiKey=VALUE', 'x=VALUE', 'VALUE', 'ARGUMENT'])
    expect(words).toContain(word);
  for (const word of ['me', 'secret=file.txt', 'plain=1']) expect(words).toContain(word);
});

it('knows the flags of another command', () => {
  expect([...flagsOfCommand(parsed(), 'other')]).toEqual(['--repo']);
  expect(flagsOfCommand(parsed(), 'nothing').size).toBe(0);
});

it('returns an argument that begins with a dash as a path', () => {
  expect(givenArguments(parsed('--', '-a'))).toEqual(['./-a']);
});
