import { AirgapError, messageOf, placeOf } from '../base/errors.ts';

/**
 * Returns the error with `what` (an image or a step) as its subject. What the error named so far becomes the step, unless
 * `what` names it too.
 */
export function wrapError(what: string, error: unknown): AirgapError {
  if (!(error instanceof AirgapError))
    return new AirgapError('network', messageOf(error), { subject: what, cause: error });
  const place = placeOf(error.parts);
  // A message without a subject may still name it.
  if (place === undefined) return error.reason.includes(what) ? error : error.with({ subject: what });
  if (place === what) return error;
  return error.with(mergedPlace(what, place));
}

/** Matches the name at the end of what registry errors are about: `HOST/PATH@DIGEST` or `HOST/PATH:TAG`. */
const NAME = /^((\S+?)[@:](sha(?:256|512):[0-9a-f]+|[\w.-]+))(?:: |$)/;

function mergedPlace(what: string, place: string): { readonly subject: string; readonly step: string | undefined } {
  const [prefix, name, repository, reference] = NAME.exec(place) ?? [];
  if (prefix === undefined || name === undefined || repository === undefined || reference === undefined)
    return { subject: what, step: place };
  const step = place.slice(prefix.length) || undefined;
  // `blob DIGEST to HOST/PATH` contains the whole name, `manifest DIGEST to HOST/PATH` all but the tag.
  const isRepeated = reference.includes(':') && what.includes(reference) && what.includes(repository);
  if (isRepeated || what.includes(name)) return { subject: what, step };
  if (what.endsWith(` ${repository}`)) return { subject: `${what.slice(0, -repository.length)}${name}`, step };
  return { subject: what, step: place };
}

/** Fails if the signal is aborted. @throws AirgapError `interrupted` */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AirgapError('interrupted', 'interrupted', { cause: signal.reason });
}
