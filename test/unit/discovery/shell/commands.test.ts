import { describe, expect, it, test } from 'vitest';
import {
  effectiveCommand,
  helmCommand,
  inlineScript,
  shellWords,
  substituteVariables,
} from '../../../../src/discovery/shell/index.ts';

const words = (text: string): string[] => text.split(' ');

describe('a command', () => {
  it.each([
    ['then A=1 time helm install x', 'helm install x'],
    ['/usr/bin/helm version', '/usr/bin/helm version'],
    ['echo helm install x', ''],
    ['if /bin/grep -q helm file', ''],
    ['which helm', ''],
    [': helm install x', ''],
    ['A=1', 'A=1'],
  ])('%s does %s', (text, expected) => {
    expect(effectiveCommand(words(text)).join(' ')).toBe(expected);
  });
});

describe('a Helm call', () => {
  it.each([
    ['retry 5 helm upgrade --install -n ns --wait app acme/app', ['upgrade', 'app', 'acme/app']],
    ['/bin/helm3 --kube-apiserver https://k8s.acme.dev install app acme/app > log', ['install', 'app', 'acme/app']],
    ['helm repo add --no-update acme https://charts.acme.dev', ['repo', 'add', 'acme', 'https://charts.acme.dev']],
    ['else log_info helm install app acme/app', undefined],
    ['kubectl apply -f helm.yaml', undefined],
  ])('%s has the arguments %j', (text, expected) => {
    expect(helmCommand(words(text))?.positional).toEqual(expected);
  });

  test('flags have values in order, by any of their names', () => {
    const call = helmCommand(words('helm install app acme/app -f a.yaml --values=b.yaml --set x=1 --wait -f c.yaml'));
    expect(call?.valuesOf('-f', '--values')).toEqual(['a.yaml', 'b.yaml', 'c.yaml']);
    expect(call?.valuesOf('--set')).toEqual(['x=1']);
  });
});

test.each([
  ['sh -c A', 'A'],
  ['/bin/bash -ec A B', 'A'],
  ['bash -c -e A', 'A'],
  ['su user -c A', 'A'],
  ['eval A', 'A'],
  ['sh script.sh', undefined],
  ['helm -c A', undefined],
])('the script in %s is %s', (text, expected) => {
  expect(inlineScript(words(text), (word) => word)).toBe(expected);
});

test('variables are replaced by their values, else by their fallbacks', () => {
  const text = `$A \${A} $(A) \${B:-b} \${1:-c} \${B} $2 \${B:-}`;
  expect(substituteVariables(text, new Map([['A', 'a']]))).toBe(`a a a b c \${B} $2 \${B:-}`);
});

test('only a word that is nothing but a variable is split', () => {
  expect(shellWords('$A', ' x  y ')).toEqual(['x', 'y']);
  expect(shellWords(`\${A}`, 'x y')).toEqual(['x', 'y']);
  expect(shellWords('a$A', 'ax y')).toEqual(['ax y']);
});
