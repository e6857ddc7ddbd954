import { type Item, image } from './fake/content.ts';
import type { Exchange, FakeOptions, FakeRegistry, Hook, StoredManifest } from './fake/registry.ts';
import { type TokenOptions, type Tokens, wantTokens } from './fake/tokens.ts';
import type { BundleToPush, Run, RunOptions, Stage } from './stage.ts';

export interface BundleOneOptions extends FakeOptions, RunOptions {
  /** An image of one platform unless given. */
  readonly item?: Item;
  /** Prepares the registry, which has the image. */
  readonly setUp?: (registry: FakeRegistry) => unknown;
}

/** Bundles team/app:1 from a registry with a hook. */
export async function bundleOne(
  stage: Stage,
  hook: Hook | undefined,
  { item = image(), setUp = () => {}, ...options }: BundleOneOptions = {},
): Promise<{ readonly registry: FakeRegistry; readonly run: Run }> {
  const registry = await stage.fake(options);
  registry.put('team/app', '1', item);
  setUp(registry);
  if (hook) registry.on(hook);
  return { registry, run: await stage.bundle(registry, `${registry.host}/team/app:1`, options) };
}

/** Bundles team/app:1 from a registry that requires tokens. */
export async function bundleWithTokens(
  stage: Stage,
  options: TokenOptions | ((registry: FakeRegistry) => TokenOptions),
  setUp: (registry: FakeRegistry) => unknown = () => {},
): Promise<{ readonly registry: FakeRegistry; readonly tokens: Tokens; readonly run: Run }> {
  const registry = await stage.fake();
  registry.put('team/app', '1', image());
  const tokens = wantTokens(registry, typeof options === 'function' ? options(registry) : options);
  setUp(registry);
  return { registry, tokens, run: await stage.bundle(registry, `${registry.host}/team/app:1`) };
}

export interface PushOneOptions extends FakeOptions, RunOptions {
  /** Further items of the first repository, such as referrers: by tag, or by digest alone where the tag is empty. */
  readonly also?: readonly (readonly [string, Item])[];
  /** Repositories with an image each, tag 1; `team/app` with one of one platform unless given. */
  readonly items?: Readonly<Record<string, Item>>;
  /** Prepares the target. */
  readonly setUp?: (target: FakeRegistry, bundle: BundleToPush) => unknown;
}

export interface PushOne {
  readonly target: FakeRegistry;
  /** Pushes; may be called again. */
  push(): Promise<Run>;
  /** Throws unless the target has all of these items. */
  isComplete(): void;
}

/** Makes a bundle of images, and a target with a hook for it. */
export async function pushOne(
  stage: Stage,
  hook: Hook | undefined,
  { items = { 'team/app': image() }, also = [], setUp = () => {}, ...options }: PushOneOptions = {},
): Promise<PushOne> {
  const bundle = await stage.bundleToPush((source) => {
    for (const [name, item] of Object.entries(items)) source.put(name, '1', item);
    for (const [tag, item] of also) source.put(Object.keys(items)[0] ?? '', tag || undefined, item);
    return Object.keys(items).map((name) => `${name}:1`);
  });
  const target = await stage.fake(options);
  setUp(target, bundle);
  if (hook) target.on(hook);
  return {
    target,
    push: () => stage.push(bundle.file, `${target.host}/m`, target, options),
    isComplete() {
      for (const [name, item] of Object.entries(items)) {
        const path = `m/${bundle.prefix}/${name}`;
        const repository = target.repositories.get(path);
        stage.check(repository?.manifests.has(item.digest), `${path} lacks the manifest`);
        for (const digest of item.blobs.keys()) stage.check(repository?.blobs.has(digest), `${path} lacks ${digest}`);
      }
    },
  };
}

/** Advice to log in, as a sentence or as a command. */
export const LOG_IN = /\blog ?in\b/i;

/** An error that says that the name may not exist at all. */
export const MAY_BE_MISSING = /\bexist|\bname\b|spelt|spelled|spelling|not found/i;

/** Hook for requests to read an existing manifest. */
export function onManifest(answer: (found: StoredManifest, exchange: Exchange) => unknown): Hook {
  return (exchange) => {
    const { registry, kind, method, repository, reference } = exchange;
    const found = kind === 'manifest' && method !== 'PUT' ? registry.find(repository, reference) : undefined;
    return found !== undefined && answer(found, exchange);
  };
}

/** Hook that answers each request of a kind once, by its path. */
export function once(test: (exchange: Exchange) => unknown, answer: Hook): Hook {
  const seen = new Set<string>();
  return (exchange) => {
    // An upload is known by its digest: its path has the session.
    const key = exchange.query.get('digest') ?? exchange.path;
    if (!test(exchange) || seen.has(key)) return undefined;
    seen.add(key);
    return answer(exchange);
  };
}
