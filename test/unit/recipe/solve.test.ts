import { describe, expect, it } from 'vitest';
import { type Equation, evaluate, solve } from '../../../src/recipe/solve.ts';
import { emptySegment, type NameSegment, segmentPath } from '../../../src/value-tracing/name-segments.ts';
import type { TemplatePart } from '../../../src/value-tracing/reference-template.ts';

const TARGET = 'ecr.example/m';

function segment(path: string, text: string): NameSegment {
  const leaf = { path: path.split('.'), value: text };
  if (text === '') return emptySegment(leaf);
  return { leaf, start: 0, end: text.length, components: text.split('/'), hostFirst: false, suffix: '' };
}

/** Builds an equation from template texts and whole segments. */
function equation(
  written: string,
  wanted: string,
  ...parts: readonly (string | NameSegment | TemplatePart)[]
): Equation {
  const host = wanted.slice(TARGET.length + 1).split('/')[0] ?? '';
  return {
    written,
    required: wanted,
    targetPrefix: TARGET,
    hostPrefix: `${TARGET}/${host}`,
    parts: parts.map((part) => {
      if (typeof part === 'string') return { kind: 'literal', text: part };
      if ('kind' in part) return part;
      return { kind: 'segment', segment: part, from: 0, to: part.components.length - 1, text: part.leaf.value };
    }),
  };
}

function solved(...equations: readonly Equation[]): Record<string, string> {
  const { assignment, solved: right } = solve(equations);
  for (const { parts, required: wanted } of right) expect(evaluate(parts, assignment)).toBe(wanted);
  return Object.fromEntries([...assignment].map(([key, text]) => [segmentPath(key), text]));
}

describe('new names', () => {
  it('change only the registry if that is enough', () => {
    const registry = segment('registry', 'quay.io');
    const [a, b] = [segment('a', 'acme/a'), segment('b', 'acme/b')];
    const names = solved(
      equation('quay.io/acme/a:1', `${TARGET}/quay.io/acme/a:1`, registry, '/', a, ':1'),
      equation('quay.io/acme/b:1', `${TARGET}/quay.io/acme/b:1`, registry, '/', b, ':1'),
    );
    expect(names).toEqual({ registry: `${TARGET}/quay.io`, a: 'acme/a', b: 'acme/b' });
  });

  it('start at a parent of the target only if no part of the name remains', () => {
    const registry = segment('registry', 'quay.io');
    const a = segment('a', 'acme/a');
    const names = solved(equation('quay.io/acme/a:1', `${TARGET}:1`, registry, '/', a, ':1'));
    expect(names).toEqual({ registry: 'ecr.example', a: 'm' });
  });

  it('add library/ if other images share the registry', () => {
    const registry = segment('registry', 'docker.io');
    const [a, nginx] = [segment('a', 'acme/a'), segment('nginx', 'nginx')];
    const names = solved(
      equation('docker.io/acme/a:1', `${TARGET}/docker.io/acme/a:1`, registry, '/', a, ':1'),
      equation('docker.io/nginx:1', `${TARGET}/docker.io/library/nginx:1`, registry, '/', nginx, ':1'),
    );
    expect(names).toMatchObject({ registry: `${TARGET}/docker.io`, nginx: 'library/nginx' });
  });

  it('add the source host to a registry shared by images of several hosts', () => {
    const registry = segment('global.imageRegistry', '');
    const [a, b] = [segment('a', 'acme/a'), segment('b', 'acme/b')];
    const names = solved(
      equation('quay.io/acme/a:1', `${TARGET}/quay.io/acme/a:1`, registry, '/', a, ':1'),
      equation('ghcr.io/acme/b:1', `${TARGET}/ghcr.io/acme/b:1`, registry, '/', b, ':1'),
    );
    expect(names['global.imageRegistry']).toMatch(/^ecr\.example\/m/);
    expect(Object.keys(names)).toHaveLength(3);
  });

  it('are whole references in an empty leaf, and keep tag and digest of the template', () => {
    const digest = `@sha256:${'a'.repeat(64)}`;
    expect(solved(equation('a/b:1', `${TARGET}/docker.io/a/b:1`, segment('image', '')))).toEqual({
      image: `${TARGET}/docker.io/a/b:1`,
    });
    const repository = segment('repository', 'ghcr.io/a/b');
    expect(solved(equation(`ghcr.io/a/b${digest}`, `${TARGET}/ghcr.io/a/b${digest}`, repository, digest))).toEqual({
      repository: `${TARGET}/ghcr.io/a/b`,
    });
  });

  it('go into the organisation if the template has the name', () => {
    const org = segment('org', 'acme');
    expect(solved(equation('acme/app:1', `${TARGET}/docker.io/acme/app:1`, org, '/app:1'))).toEqual({
      org: `${TARGET}/docker.io/acme`,
    });
  });

  it('change only the components that the template uses', () => {
    const image = segment('image', 'quay.io/acme/app');
    const folders: TemplatePart = { kind: 'segment', segment: image, from: 0, to: 1, text: 'quay.io/acme' };
    expect(solved(equation('quay.io/acme/fixed:1', `${TARGET}/quay.io/acme/fixed:1`, folders, '/fixed:1'))).toEqual({
      image: `${TARGET}/quay.io/acme/app`,
    });
  });
});

describe('unsolved references', () => {
  it('are those that need conflicting names; only one is solved', () => {
    const name = segment('name', 'acme/app');
    const one = equation('acme/app:1', `${TARGET}/docker.io/acme/app:1`, name, ':1');
    const other = equation('quay.io/acme/app:1', `${TARGET}/quay.io/acme/app:1`, 'quay.io/', name, ':1');
    const { solved: right, unsolved } = solve([one, other]);
    expect(right).toEqual([one]);
    expect(unsolved).toEqual([other]);
  });

  it('are those whose beginning is in the template', () => {
    const fixed = equation(
      'quay.io/acme/app:1',
      `${TARGET}/quay.io/acme/app:1`,
      'quay.io/',
      segment('name', 'acme/app'),
      ':1',
    );
    expect(solve([fixed])).toMatchObject({ solved: [], unsolved: [fixed] });
  });
});

describe('a reference that stays', () => {
  const registry = segment('registry', 'quay.io');
  const [a, b] = [segment('a', 'acme/a'), segment('b', 'acme/b')];
  const moved = equation('quay.io/acme/a:1', `${TARGET}/quay.io/acme/a:1`, registry, '/', a, ':1');
  const kept = (...parts: Parameters<typeof equation>[2][]): Equation => ({
    ...equation('quay.io/acme/b:1', 'quay.io/acme/b:1', ...parts),
    isFixed: true,
  });

  it('keeps what builds it, even if others need that', () => {
    const { assignment, unsolved } = solve([moved, kept(registry, '/', b, ':1')]);
    expect(assignment.get(registry)).toBe('quay.io');
    expect(unsolved).toEqual([moved]);
  });

  it('is no obstacle to what others build', () => {
    const { assignment, unsolved } = solve([moved, kept(segment('other', 'quay.io'), '/', b, ':1')]);
    expect(assignment.get(registry)).toBe(`${TARGET}/quay.io`);
    expect(unsolved).toEqual([]);
  });
});
