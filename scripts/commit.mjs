import { spawnSync } from 'node:child_process';

/** What the program is built from. */
const SOURCES = ['src', 'scripts/build.mjs', 'package.json', 'package-lock.json'];

/**
 * Returns the commit of a checkout, with `-dirty` if files that the program is built from differ from it; `unknown` without
 * git or outside a checkout.
 * @param {string} root absolute path
 */
export function commitOf(root) {
  // The prefix is empty at the top of a work tree: a copy inside another repository is not that repository's commit.
  const [prefix, commit] = git(root, ['rev-parse', '--show-prefix', 'HEAD'])?.split('\n') ?? [];
  if (prefix !== '' || !/^[0-9a-f]{40,64}$/.test(commit ?? '')) return 'unknown';
  return git(root, ['status', '--porcelain', '--', ...SOURCES]) === '' ? commit : `${commit}-dirty`;
}

/** Returns the output of git; undefined if it is missing or fails. */
function git(root, args) {
  // A hook of git sets these, maybe for another repository.
  const { GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE, ...env } = process.env;
  const { status, stdout } = spawnSync('git', ['--no-optional-locks', ...args], { cwd: root, env, encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}
