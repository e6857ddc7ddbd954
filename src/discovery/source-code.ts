import { wordsOf } from './key-evidence.ts';
import type { NamedValue } from './named-value.ts';

/** Repositories of source code have names and tags too, and no controller pulls images from them. */

const SOURCE_WORD = /^(?:git|github|gitlab|gitea|bitbucket|gitops|scm|vcs)$/;
/** Fields that a repository of source code has beside its name, and an image has not. */
const SOURCE_FIELD = /^(?:branch|ref|git_?ref|revision|target_?revision|commit)$/i;
/** Fields that say so only if the name has no host: a program has a path too, of its web pages. */
const PATH_FIELD = /^(?:path|sub_?path|sub_?dir(?:ectory)?)$/i;
const SOURCE_ADDRESS = /^(?:\w+:\/\/|git@)?git(?:hub|lab|ea)?\.|^(?:ssh|git):\/\/|\.git$/;

/** Reports whether a key says that its value is of source code: `git`, `GIT_REPOSITORY`, `gitRepo`. */
export function isSourceKey(key: string): boolean {
  return /git|scm|vcs|bitbucket/i.test(key) && wordsOf(key).some((word) => SOURCE_WORD.test(word));
}

/**
 * Reports whether the fields of a mapping are those of a repository of source code.
 * @param name of the repository
 */
export function hasSourceFields(entries: readonly NamedValue[], name: string): boolean {
  const hasHost = /[.:]/.test(name.slice(0, Math.max(0, name.indexOf('/'))));
  return entries.some(
    ({ key = '', value }) =>
      SOURCE_FIELD.test(key) ||
      (!hasHost && PATH_FIELD.test(key)) ||
      (typeof value === 'string' && SOURCE_ADDRESS.test(value)),
  );
}
