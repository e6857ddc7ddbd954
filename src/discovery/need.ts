import type { EvidenceKind, Need } from '../inventory/finding.ts';

/** Hooks that run during a first `helm install`. */
const INSTALL_HOOKS = new Set(['pre-install', 'post-install', 'crd-install']);

/**
 * Returns when an image is pulled. Images in pod specs and custom resources are pulled by the install; those in
 * environment variables, arguments and configuration are for pods that a running program creates later.
 */
export function needOf(how: EvidenceKind, hook: string | undefined, disabled: boolean): Need {
  const hooks = (hook ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (hooks.some((name) => name.startsWith('test'))) return 'test';
  if (hooks.length > 0 && !hooks.some((name) => INSTALL_HOOKS.has(name))) return 'lifecycle';
  if (disabled) return 'optional';
  return how === 'pod-spec' || how === 'custom-resource' ? 'install' : 'operand';
}
