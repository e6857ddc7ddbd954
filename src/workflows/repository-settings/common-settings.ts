import { CATALOG_LIMITS } from '../../ecr/public/catalog-data.ts';
import type { TagMutability } from '../../ecr/settings.ts';

/** Settings that several kinds of registries have. Absent ones are not set, or unknown to the registry. */
export interface CommonSettings {
  readonly visibility?: 'public' | 'private';
  readonly tags?: TagMutability;
  /** One line. */
  readonly description?: string;
  /** Markdown: what the images are. */
  readonly about?: string;
  /** Markdown: how the images are used. */
  readonly usage?: string;
  readonly architectures?: readonly string[];
  readonly operatingSystems?: readonly string[];
}

export type SettingName = keyof CommonSettings;

/** Settings in the order of reports. */
export const SETTING_NAMES = [
  'visibility',
  'tags',
  'description',
  'about',
  'usage',
  'architectures',
  'operatingSystems',
] as const satisfies readonly SettingName[];

/** What a kind of registry has. */
export interface RegistryKind {
  /** For messages. */
  readonly name: string;
  readonly settings: readonly SettingName[];
  /** Who can pull: `any` if each repository has its own visibility; undefined if the registry does not tell. */
  readonly visibility: 'any' | 'public' | 'private' | undefined;
  /** Immutability can have exceptions. */
  readonly hasTagExceptions: boolean;
  /** Maximum characters. */
  readonly limits: Partial<Readonly<Record<SettingName, number>>>;
  /** Existing repositories are changed only with `--reconcile`. */
  readonly needsReconcile: boolean;
}

export const MIRANTIS: RegistryKind = {
  name: 'Mirantis Secure Registry',
  settings: ['visibility', 'tags', 'description', 'about'],
  visibility: 'any',
  hasTagExceptions: false,
  limits: {},
  needsReconcile: false,
};

export const ECR: RegistryKind = {
  name: 'private ECR',
  settings: ['tags'],
  visibility: 'private',
  hasTagExceptions: true,
  limits: {},
  needsReconcile: true,
};

export const ECR_PUBLIC: RegistryKind = {
  name: 'ECR Public',
  settings: ['description', 'about', 'usage', 'architectures', 'operatingSystems'],
  visibility: 'public',
  hasTagExceptions: false,
  limits: {
    description: CATALOG_LIMITS.description,
    about: CATALOG_LIMITS.aboutText,
    usage: CATALOG_LIMITS.usageText,
  },
  needsReconcile: true,
};

/** A registry without an API for settings. */
export const OTHER: RegistryKind = {
  name: 'this registry',
  settings: [],
  visibility: undefined,
  hasTagExceptions: false,
  limits: {},
  needsReconcile: false,
};
