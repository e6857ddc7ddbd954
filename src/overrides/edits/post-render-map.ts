import * as z from 'zod';
import { AirgapError } from '../../base/errors.ts';
import { jsonText } from '../../base/printable.ts';
import { compareText } from '../../base/text-order.ts';

/**
 * Map of the post-renderer: the replacements for references that no value can change. `values --unmapped=post-render`
 * writes it and `post-render` applies it; docs/post-render.md describes the format. Unknown keys are errors, because a
 * partly understood map could leave a public reference in place.
 */

const API_VERSION = 'airgap/v1';
const KIND = 'PostRenderMap';

const text = z.string().min(1);

const entry = z
  .strictObject({
    /** Template file as Helm prints it, such as `chart/charts/sub/templates/x.yaml`. */
    template: text,
    /** Kind of the object; '' if it has none. */
    kind: z.string().optional(),
    /**
     * Field of the object, in the notation of `Location.path` (inventory/finding.ts). If absent, every occurrence in
     * the template's manifests is replaced, including comments and descriptions.
     */
    path: text.optional(),
    /**
     * Steps inside the field's text, as in `Location.within`; the replacement applies to the whole text or line there.
     */
    within: text.optional(),
    /** The object is a hook; Helm 3 does not pass hooks to post-renderers. */
    hook: z.literal(true).optional(),
    /** Current text: a reference, or the field of a split reference that names registry or repository. */
    from: text,
    to: text,
  })
  .refine(
    ({ kind, path }) => (kind === undefined) === (path === undefined),
    'must have both path and kind, or neither',
  );

const pod = z.strictObject({
  template: text,
  kind: z.string(),
  /** Path of the pod spec, such as `spec.template.spec`. */
  path: text,
  hook: z.literal(true).optional(),
});

const map = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  chart: text,
  version: text,
  /** Target registry with its path prefix. */
  target: text,
  entries: z.array(entry),
  /** Image pull secret for pods that no value gives it to; absent if none was requested. */
  pullSecret: z.strictObject({ name: text, pods: z.array(pod) }).optional(),
});

export type PostRenderEntry = Readonly<z.infer<typeof entry>>;
export type PullSecretEntry = Readonly<z.infer<typeof pod>>;
export type PostRenderMap = Readonly<z.infer<typeof map>>;

/** Content of a post-render map, without format version and kind. */
export interface PostRenderMapContent
  extends Readonly<Omit<PostRenderMap, 'apiVersion' | 'kind' | 'entries' | 'pullSecret'>> {
  readonly entries: readonly PostRenderEntry[];
  readonly pullSecret?: AddedPullSecret;
}

/** Image pull secret and the pods to add it to. */
export interface AddedPullSecret {
  readonly name: string;
  readonly pods: readonly PullSecretEntry[];
}

/** Formats a map as JSON. Entries are sorted and there is no timestamp, so the output is deterministic. */
export function formatPostRenderMap({ chart, version, target, entries, pullSecret }: PostRenderMapContent): string {
  const sorted = [...entries].sort((a, b) => compareText(entryKey(a), entryKey(b)));
  const listed = sorted.map(({ template, kind, path, within, hook, from, to }) => {
    return { template, kind, path, within, hook, from, to };
  });
  const content = { apiVersion: API_VERSION, kind: KIND, chart, version, target, entries: listed, pullSecret };
  return `${jsonText(content, 2)}\n`;
}

/** Key that is equal for entries with the same replacement at the same location. */
export function entryKey({ template, kind = '', path = '', within = '', hook, from, to }: PostRenderEntry): string {
  return [template, kind, path, within, from, to, hook ?? ''].join('\n');
}

/**
 * Parses a map.
 * @param name file name for error messages
 * @throws AirgapError `config` if it is not a map of this version
 */
export function parsePostRenderMap(json: string, name: string): PostRenderMap {
  const invalid = (message: string): AirgapError =>
    new AirgapError('config', `${name} ${message}`, {
      hint: 'create the map with helm airgap values ... --unmapped=post-render; docs/post-render.md describes it',
    });
  let value: { apiVersion?: unknown; kind?: unknown } | null;
  try {
    value = JSON.parse(json) as typeof value;
  } catch {
    throw invalid('is not a post-render map: not valid JSON');
  }
  if (value?.kind !== KIND) throw invalid(`is not a post-render map: kind is not ${KIND}`);
  if (value.apiVersion !== API_VERSION) {
    throw invalid(`has apiVersion ${String(value.apiVersion)}; this version of helm airgap supports ${API_VERSION}`);
  }
  const { data, error } = map.safeParse(value);
  if (data !== undefined) return data;
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`);
  throw invalid(`is not a valid post-render map: ${problems.slice(0, 5).join('; ')}`);
}
