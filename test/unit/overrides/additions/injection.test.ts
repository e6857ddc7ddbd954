import { describe, expect, it } from 'vitest';
import {
  type Injection,
  injectionForms,
  injectionLeaves,
  isInjection,
  withInjection,
} from '../../../../src/overrides/additions/injection.ts';
import type { Change } from '../../../../src/value-tracing/changes.ts';

const container = { template: 'a/templates/a.yaml', document: 0, path: 'spec.containers[0].image' };
const env: Injection = {
  kind: 'env',
  entries: [{ name: 'RELATED_IMAGE', value: 'r.example/a:1' }],
  containers: [container],
};
const flag: Injection = {
  kind: 'argument',
  entries: [{ name: '--image', value: 'r.example/a:1' }],
  containers: [container],
};

function change(field: 'env' | 'args', before: unknown, after: unknown, index = 0): Change {
  const path = ['spec', 'containers', index, field];
  return { render: 0, template: container.template, document: 0, path, before, after };
}

describe('an injection', () => {
  it('adds one variable to the existing ones', () => {
    const other = { name: 'OTHER', value: 'x' };
    const injected = { name: 'RELATED_IMAGE', value: 'r.example/a:1' };
    expect(isInjection(change('env', undefined, [injected]), env)).toBe(true);
    expect(isInjection(change('env', [other], [injected, other]), env)).toBe(true);
    expect(isInjection(change('env', [other], [other, injected, { ...injected, value: 'by another leaf' }]), env)).toBe(
      true,
    );
  });

  it('adds no duplicate variable, and changes neither other containers nor other variables', () => {
    const injected = { name: 'RELATED_IMAGE', value: 'r.example/a:1' };
    expect(
      isInjection(change('env', [{ ...injected, value: 'old' }], [{ ...injected, value: 'old' }, injected]), env),
    ).toBe(false);
    expect(isInjection(change('env', undefined, [injected], 1), env)).toBe(false);
    expect(isInjection(change('env', undefined, [injected, { name: 'NEW', value: 'x' }]), env)).toBe(false);
    expect(isInjection(change('env', [{ name: 'OTHER', value: 'x' }], [injected]), env)).toBe(false);
  });

  it('of several variables needs all of them', () => {
    const second = { name: 'OTHER_IMAGE', value: 'r.example/b:1' };
    const twoVariables = { ...env, entries: [...env.entries, second] };
    expect(isInjection(change('env', [], [...env.entries, second]), twoVariables)).toBe(true);
    expect(isInjection(change('env', [], [second]), twoVariables)).toBe(false);
    expect(isInjection(change('env', [second], [second, ...env.entries]), twoVariables)).toBe(false);
  });

  it('adds an argument with a new name', () => {
    expect(isInjection(change('args', ['--v=2'], ['--v=2', '--image=r.example/a:1']), flag)).toBe(true);
    expect(isInjection(change('args', ['--image=old'], ['--image=old', '--image=r.example/a:1']), flag)).toBe(false);
  });

  it('is tried on leaves with keys for variables or arguments, in their form', () => {
    const values = {
      extraEnv: [],
      env: { A: 'b' },
      environment: 'prod',
      extraArgs: null,
      list: [],
      sub: { envVars: [1] },
    };
    const leaves = injectionLeaves('env', values, [{ prefixes: [[]], text: '{{ .Values.controller.extraEnvs }}' }]);
    expect(leaves.map(({ path }) => path.join('.'))).toEqual([
      'extraEnv',
      'env',
      'sub.envVars',
      'controller.extraEnvs',
    ]);
    expect(leaves.map(injectionForms)).toEqual([['entries'], ['map'], ['entries'], ['entries', 'map']]);
    expect(injectionLeaves('argument', values, []).map(({ path }) => path.join('.'))).toEqual(['extraArgs']);
    expect(withInjection({ path: ['e'], value: [{ name: 'A' }] }, 'entries', env)).toEqual([
      { name: 'A' },
      { name: 'RELATED_IMAGE', value: 'r.example/a:1' },
    ]);
    expect(withInjection({ path: ['e'], value: {} }, 'map', flag)).toEqual({ image: 'r.example/a:1' });
    expect(withInjection({ path: ['e'], value: null }, 'entries', flag)).toEqual(['--image=r.example/a:1']);
  });
});
