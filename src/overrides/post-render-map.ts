import * as z from 'zod';
import { AirgapError } from '../base/errors.ts';
import { jsonText } from '../base/printable.ts';

/**
 * The map of a post-renderer: which references that no value reaches become which private ones, and where. `values
 * --residue=post-render` writes it, `post-render` does what it says; docs/post-render.md describes it. Unknown keys are
 * errors: a map that is half understood would leave something public.
 */

const API_VERSION = 'airgap/v1';
const KIND = 'PostRenderMap';

const text = z.string().min(1);

const entry = z
  .strictObject({
    /** Template file as Helm prints it: `chart/charts/sub/templates/x.yaml`. */
    template: text,
    /** Kind of the object; '' for one that has none. */
    kind: z.string().optional(),
    /**
     * Field of the object, as in `Place.path` (lock/finding.ts). Absent: wherever the template's manifests have the
     * reference, comments and descriptions among them.
     */
    path: text.optional(),
    /** The way inside that field's text, as in `Place.within`; where it ends, the whole text or line is meant. */
    within: text.optional(),
    /** The object is a hook, which Helm 3 does not give to a post-renderer. */
    hook: z.literal(true).optional(),
    /** What is written there: a reference, or the part of a split that names registry or repository. */
    from: text,
    to: text,
  })
  .refine(
    ({ kind, path }) => (kind === undefined) === (path === undefined),
    'has a path without a kind, or the reverse',
  );

const pod = z.strictObject({
  template: text,
  kind: z.string(),
  /** Of the pod's specification: `spec.template.spec`. */
  path: text,
  hook: z.literal(true).optional(),
});

const map = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  chart: text,
  version: text,
  /** Registry with prefix. */
  target: text,
  entries: z.array(entry),
  /** The secret that pods are to pull with which no value gives it to; absent where none is asked for. */
  pullSecret: z.strictObject({ name: text, pods: z.array(pod) }).optional(),
});

export type PostRenderEntry = Readonly<z.infer<typeof entry>>;
export type PullSecretEntry = Readonly<z.infer<typeof pod>>;
export type PostRenderMap = Readonly<z.infer<typeof map>>;

/** What a map says, of which chart and for which target. */
export interface MapContent extends Readonly<Omit<PostRenderMap, 'apiVersion' | 'kind' | 'entries' | 'pullSecret'>> {
  readonly entries: readonly PostRenderEntry[];
  readonly pullSecret?: PullSecretAdded;
}

/** A secret, and the pods that get it. */
export interface PullSecretAdded {
  readonly name: string;
  readonly pods: readonly PullSecretEntry[];
}

/** The text of a map: entries in their order, no time, so equal content gives equal bytes. */
export function formatMap({ chart, version, target, entries, pullSecret }: MapContent): string {
  const sorted = [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const listed = sorted.map(({ template, kind, path, within, hook, from, to }) => {
    return { template, kind, path, within, hook, from, to };
  });
  const content = { apiVersion: API_VERSION, kind: KIND, chart, version, target, entries: listed, pullSecret };
  return `${jsonText(content, 2)}\n`;
}

/** Equal for entries that say the same of the same place. */
export function keyOf({ template, kind = '', path = '', within = '', hook, from, to }: PostRenderEntry): string {
  return [template, kind, path, within, from, to, hook ?? ''].join('\n');
}

/**
 * Reads a map.
 * @param name of the file, for messages
 * @throws AirgapError `config`
 */
export function parseMap(json: string, name: string): PostRenderMap {
  const refused = (message: string): AirgapError =>
    new AirgapError('config', `${name} ${message}`, {
      hint: 'helm airgap values … --residue=post-render writes the map; docs/post-render.md describes it',
    });
  let value: { apiVersion?: unknown; kind?: unknown } | null;
  try {
    value = JSON.parse(json) as typeof value;
  } catch {
    throw refused('is no map for the post-renderer: it is no JSON');
  }
  if (value?.kind !== KIND) throw refused(`is no map for the post-renderer: its kind is not ${KIND}`);
  if (value.apiVersion !== API_VERSION) {
    throw refused(`is a map of version ${String(value.apiVersion)}, and this helm airgap reads ${API_VERSION}`);
  }
  const { data, error } = map.safeParse(value);
  if (data !== undefined) return data;
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`);
  throw refused(`does not say what a map must: ${problems.slice(0, 5).join('; ')}`);
}
