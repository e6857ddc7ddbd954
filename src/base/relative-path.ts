import { relative } from 'node:path';

/** Returns a path relative to a folder that begins with a dot: other texts are names of charts in a repository. */
export function relativePath(from: string, to: string): string {
  const path = relative(from, to);
  return path.startsWith('..') ? path : `./${path}`;
}
