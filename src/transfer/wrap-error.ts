import { AirgapError, messageOf } from '../base/errors.ts';

/**
 * Returns the error with `what` (an image or a step) in front of its message, unless the message contains it. A
 * repository name at the start of the message is not repeated.
 */
export function wrapError(what: string, error: unknown): AirgapError {
  if (!(error instanceof AirgapError))
    return new AirgapError('network', `${what}: ${messageOf(error)}`, { cause: error });
  if (error.message.includes(what)) return error;
  const { code, hint, causes } = error;
  return new AirgapError(code, withPrefix(what, error.message), { hint, causes, cause: error });
}

/** Matches the name at the start of registry errors: `HOST/PATH@DIGEST: ` or `HOST/PATH:TAG: `. */
const NAME_PREFIX = /^((\S+?)[@:](sha(?:256|512):[0-9a-f]+|[\w.-]+)): /;

function withPrefix(what: string, message: string): string {
  const [prefix, name, repository, reference] = NAME_PREFIX.exec(message) ?? [];
  if (prefix === undefined || name === undefined || repository === undefined || reference === undefined)
    return `${what}: ${message}`;
  const text = message.slice(prefix.length);
  // `blob DIGEST to HOST/PATH` contains the whole name, `manifest DIGEST to HOST/PATH` all but the tag.
  const isRepeated = reference.includes(':') && what.includes(reference) && what.includes(repository);
  if (isRepeated || what.includes(name)) return `${what}: ${text}`;
  if (what.endsWith(` ${repository}`)) return `${what.slice(0, -repository.length)}${name}: ${text}`;
  return `${what}: ${message}`;
}

/** Fails if the signal is aborted. @throws AirgapError `interrupted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: signal.reason });
}
