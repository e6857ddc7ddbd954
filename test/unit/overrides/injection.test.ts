import { describe, expect, it } from 'vitest';
import {
  type Injection,
  injectionForms,
  injectionLeaves,
  isInjection,
  withInjection,
} from '../../../src/overrides/injection.ts';
import type { Change } from '../../../src/value-tracing/changes.ts';

const at = { template: 'a/templates/a.yaml', document: 0, path: 'spec.containers[0].image' };
const env: Injection = {
  kind: 'env',
  entries: [{ name: 'RELATED_IMAGE', value: 'r.example/a:1' }],
  containers: [at],
};
const flag: Injection = {
  kind: 'argument',
  entries: [{ name: '--image', value: 'r.example/a:1' }],
  containers: [at],
};

function change(field: 'env' | 'args', before: unknown, after: unknown, container = 0): Change {
  const path = ['spec', 'containers', container, field];
  return { render: 0, template: at.template, document: 0, path, before, after };
}

describe('an injection', () => {
  it('adds one variable to the existing ones', () => {
    const other = { name: 'OTHER', value: 'x' };
    const ours = { name: 'RELATED_IMAGE', value: 'r.example/a:1' };
    expect(isInjection(change('env', undefined, [ours]), env)).toBe(true);
    expect(isInjection(change('env', [other], [ours, other]), env)).toBe(true);
    expect(isInjection(change('env', [other], [other, ours, { ...ours, value: 'by another leaf' }]), env)).toBe(true);
  });

  it('adds no duplicate variable, and changes neither other containers nor other variables', () => {
    const ours = { name: 'RELATED_IMAGE', value: 'r.example/a:1' };
    expect(isInjection(change('env', [{ ...ours, value: 'old' }], [{ ...ours, value: 'old' }, ours]), env)).toBe(false);
    expect(isInjection(change('env', undefined, [ours], 1), env)).toBe(false);
    expect(isInjection(change('env', undefined, [ours, { name: 'NEW', value: 'x' }]), env)).toBe(false);
    expect(isInjection(change('env', [{ name: 'OTHER', value: 'x' }], [ours]), env)).toBe(false);
  });

  it('of several variables needs all of them', () => {
    const second = { name: 'OTHER_IMAGE', value: 'r.example/b:1' };
    const both = { ...env, entries: [...env.entries, second] };
    expect(isInjection(change('env', [], [...env.entries, second]), both)).toBe(true);
    expect(isInjection(change('env', [], [second]), both)).toBe(false);
    expect(isInjection(change('env', [second], [second, ...env.entries]), both)).toBe(false);
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
