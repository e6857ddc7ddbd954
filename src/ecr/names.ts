import { AirgapError } from '../base/errors.ts';

// The pattern of `repositoryName` in ECR's API reference, CreateRepository; narrower than what other registries take.
const COMPONENT = '[a-z0-9]+(?:[._-][a-z0-9]+)*';
const NAME = new RegExp(`^(?:${COMPONENT}/)*${COMPONENT}$`);
const SHORTEST = 2;
const LONGEST = 256;

/** Letters and digits, or what stands between them. */
const TOKENS = /[a-z0-9]+|\/|[._-]+/g;
const MARK = /^r+un(\d+)$/;

/** Whether ECR takes this as the name of a repository. */
export function isEcrRepositoryName(name: string): boolean {
  return name.length >= SHORTEST && name.length <= LONGEST && NAME.test(name);
}

/**
 * A repository's name as ECR takes it. Other registries also have `__` and `--` in names: a run of N such characters
 * becomes one, `runN` and one, as in `my__app` → `my_run2_app`. What looks like that already gets an `r` in front
 * (`my_run2_app` → `my_rrun2_app`), so that no two names become one, and each can be read back.
 */
export function toEcrName(name: string): string {
  const tokens = name.match(TOKENS) ?? [];
  return tokens
    .map((token, at) => {
      if (/^[_-]{2,}$/.test(token)) return `${token[0]}run${token.length}${token[0]}`;
      return MARK.test(token) && isBetween(tokens, at) ? `r${token}` : token;
    })
    .join('');
}

/** Whether the same `_` or `-` stands on both sides. */
function isBetween(tokens: readonly string[], at: number): boolean {
  const [before, after] = [tokens[at - 1]?.[0], tokens[at + 1]?.[0]];
  return before === after && (before === '_' || before === '-');
}

/**
 * Checks every name before the first request.
 * @throws AirgapError `reference-invalid` with all names that ECR would refuse
 */
export function checkRepositoryNames(host: string, names: readonly string[]): void {
  const bad = names.filter((name) => !isEcrRepositoryName(name));
  if (bad.length === 0) return;
  const many = bad.length === 1 ? 'a repository name that ECR does' : `${bad.length} repository names that ECR does`;
  throw new AirgapError('reference-invalid', `${host}: ${many} not allow: ${bad.join(', ')}`, {
    hint: `ECR takes ${SHORTEST} to ${LONGEST} characters, lower case, with single . _ or - between letters and digits`,
  });
}
