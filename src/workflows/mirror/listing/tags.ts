import { count } from '../../../base/count.ts';
import { AirgapError, combine } from '../../../base/errors.ts';
import { limiter } from '../../../base/limiter.ts';
import { quoted } from '../../../base/printable.ts';
import { matchingTexts } from '../../../base/user-pattern.ts';
import { formatReference, type Repository } from '../../../oci/reference.ts';
import { isReferrerTag } from '../../../oci/referrer.ts';
import type { RegistryClient } from '../../../registry/client.ts';
import type { Context } from '../../../session/context.ts';
import { ImageAge } from './image-age.ts';
import type { TagRules } from './selection.ts';
import { newestTags } from './tag-version.ts';
import { satisfyingTags } from './version-range.ts';

/** Selects tags of repositories, and remembers what has matched. */
export class TagSelector {
  readonly #context: Context;
  readonly #age: ImageAge;
  /** Whether each expression or range has matched a tag, by its text in messages. */
  readonly #matched = new Map<string, boolean>();
  /** The first expression that took too long: no other repository waits for it. */
  #tooSlow: unknown;
  /** Tags that are no versions, and one of them. */
  #unversioned = 0;
  #example = '';

  constructor(context: Context, client: Pick<RegistryClient, 'head' | 'manifest' | 'blob'>, concurrency: number) {
    this.#context = context;
    this.#age = new ImageAge(client, limiter(concurrency));
  }

  /**
   * Returns the tags of a repository that meet the rules. Signatures, attestations and lists of referrers have tags too; they
   * are no images of their own.
   * @throws AirgapError `usage` for a pattern that takes too long; those of the registry
   */
  async select(repository: Repository, allTags: ReadonlySet<string>, rules: TagRules): Promise<readonly string[]> {
    let tags: readonly string[] = [...allTags].filter((tag) => !isReferrerTag(tag));
    if (rules.tags.length > 0) tags = this.#matching(tags, rules);
    if (rules.versions !== undefined) {
      tags = satisfyingTags(rules.versions, tags);
      this.#record(rules, rules.versions, tags);
    }
    if (rules.newest !== undefined) {
      const { newest, unversioned } = newestTags(tags, rules.newest);
      const [example] = unversioned;
      if (example !== undefined) this.#example ||= formatReference({ ...repository, tag: example });
      this.#unversioned += unversioned.length;
      tags = newest;
    }
    const { newerThan } = rules;
    return newerThan === undefined ? tags : this.#age.newerThan(repository, tags, newerThan);
  }

  #matching(tags: readonly string[], rules: TagRules): readonly string[] {
    const matching = new Set<string>();
    for (const pattern of rules.tags) {
      const found = this.#find(pattern, tags);
      for (const tag of found) matching.add(tag);
      this.#record(rules, pattern, found);
    }
    return tags.filter((tag) => matching.has(tag));
  }

  #find(pattern: string, tags: readonly string[]): readonly string[] {
    if (this.#tooSlow !== undefined) throw this.#tooSlow;
    try {
      return matchingTexts(pattern, tags);
    } catch (error) {
      this.#tooSlow = error;
      throw error;
    }
  }

  #record({ origin = '--tag' }: TagRules, text: string, found: readonly string[]): void {
    const name = `${origin} ${quoted(text)}`;
    this.#matched.set(name, this.#matched.get(name) === true || found.length > 0);
  }

  /** @throws AirgapError `usage` naming each expression or range that matched no tag of any repository */
  checkMatches(): void {
    const errors = [...this.#matched].flatMap(([name, hasMatched]) =>
      hasMatched
        ? []
        : new AirgapError('usage', `${name} matches no tag of the selected repositories`, {
            hint: 'a regular expression matches anywhere in a tag; ^ and $ anchor it',
          }),
    );
    if (errors.length > 0) throw combine(errors, `${errors.length} patterns match no tag`);
  }

  /** Tells what was left out or kept for reasons that people do not expect. */
  report(): void {
    const { emit } = this.#context;
    if (this.#unversioned > 0) {
      const tags = `${count(this.#unversioned, 'tag')} that ${this.#unversioned === 1 ? 'is no version' : 'are no versions'}`;
      emit({ type: 'note', message: `--newest left out ${tags}, such as ${this.#example}` });
    }
    const { unknown, example } = this.#age;
    if (unknown > 0) {
      const images = `${count(unknown, 'image')} that ${unknown === 1 ? 'does' : 'do'} not say when ${unknown === 1 ? 'it was' : 'they were'} created`;
      emit({ type: 'warning', message: `--newer-than kept ${images}, such as ${example}` });
    }
  }
}
