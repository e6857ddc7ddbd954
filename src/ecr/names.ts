import { AirgapError } from '../base/errors.ts';

// Pattern of `repositoryName` in ECR's API reference, CreateRepository; stricter than that of other registries.
const COMPONENT = '[a-z0-9]+(?:[._-][a-z0-9]+)*';
const NAME = new RegExp(`^(?:${COMPONENT}/)*${COMPONENT}$`);
const MIN_LENGTH = 2;
const MAX_LENGTH = 256;

/** Alphanumeric words, and the separators between them. */
const TOKENS = /[a-z0-9]+|\/|[._-]+/g;
const ENCODED_RUN = /^r+un(\d+)$/;

/** Reports whether ECR allows a repository name. */
export function isEcrRepositoryName(name: string, maxLength = MAX_LENGTH): boolean {
  return name.length >= MIN_LENGTH && name.length <= maxLength && NAME.test(name);
}

/**
 * Converts a repository name to one that ECR allows. Other registries also allow `__` and `--`: a run of N such
 * characters is encoded as one character, `runN` and another one, as in `my__app` → `my_run2_app`. A name that already
 * looks like that gets an additional `r` (`my_run2_app` → `my_rrun2_app`), so that the encoding is unique and
 * reversible.
 */
export function toEcrName(name: string): string {
  const tokens = name.match(TOKENS) ?? [];
  return tokens
    .map((token, index) => {
      if (/^[_-]{2,}$/.test(token)) return `${token[0]}run${token.length}${token[0]}`;
      return ENCODED_RUN.test(token) && isBetween(tokens, index) ? `r${token}` : token;
    })
    .join('');
}

/** Reports whether a token is between two `_` or two `-`. */
function isBetween(tokens: readonly string[], index: number): boolean {
  const [before, after] = [tokens[index - 1]?.[0], tokens[index + 1]?.[0]];
  return before === after && (before === '_' || before === '-');
}

/**
 * Validates all names before the first request.
 * @param maxLength maximum characters of a name; 256 in private registries
 * @throws AirgapError `reference-invalid` with every name that ECR does not allow
 */
export function checkRepositoryNames(host: string, names: readonly string[], maxLength = MAX_LENGTH): void {
  const invalid = names.filter((name) => !isEcrRepositoryName(name, maxLength));
  if (invalid.length === 0) return;
  const summary = invalid.length === 1 ? 'this repository name' : `these ${invalid.length} repository names`;
  throw new AirgapError('reference-invalid', `${host}: ECR does not allow ${summary}: ${invalid.join(', ')}`, {
    hint: `use ${MIN_LENGTH} to ${maxLength} lower-case characters, with single . _ or - between letters and digits`,
  });
}
