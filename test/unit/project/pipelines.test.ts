import { describe, expect, it } from 'vitest';
import { pipelines } from '../../support/pipelines.ts';

/** The pipelines of docs/check.md are complete. test/e2e/check-pipelines.test.ts runs their scripts. */

describe.each(pipelines().map((pipeline) => [pipeline.system, pipeline] as const))('%s', (_, pipeline) => {
  const { text, variables, secrets, scripts, artifacts } = pipeline;

  it('checks before it installs, and after', () => {
    const all = scripts.map(({ script }) => script).join('\n');
    const positions = ['airgap values', 'airgap check "$@"', 'helm upgrade', 'check --live'].map((part) =>
      all.indexOf(part),
    );
    expect(positions.every((position) => position >= 0)).toBe(true);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect(scripts).toHaveLength(3);
  });

  it('sets every variable that its scripts use, and keeps the list of what is missing', () => {
    const used = scripts.flatMap(({ script }) => [...script.matchAll(/\$\{?([A-Z_]+)/g)].map(([, name = '']) => name));
    expect(used.filter((name) => !(name in variables) && !secrets.includes(name))).toEqual([]);
    expect(secrets).toEqual(['LOGIN_USR', 'LOGIN_PSW']);
    expect(variables.TARGET?.startsWith(`${variables.REGISTRY}/`)).toBe(true);
    expect(artifacts).toContain('missing.json');
  });

  it('has balanced brackets', () => {
    for (const [open, close] of ['{}', '()', '[]'].map((pair) => [...pair] as [string, string])) {
      expect(text.split(open).length, open).toBe(text.split(close).length);
    }
    expect((text.split("'").length - 1) % 2).toBe(0);
  });
});

it('runs the same commands in all systems', () => {
  const commands = pipelines().map(({ scripts }) =>
    scripts
      .flatMap(({ script }) => script.replaceAll(/\\\n\s*/g, '').split('\n'))
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('printf')),
  );
  expect(commands[1]).toEqual(commands[0]);
  expect(commands[2]).toEqual(commands[0]);
});
