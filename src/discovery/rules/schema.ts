import semver from 'semver';
import * as z from 'zod';
import { AirgapError } from '../../base/errors.ts';
import { CONFIDENCES, NEEDS, REDIRECT_KINDS } from '../../inventory/finding.ts';
import { templateVariables } from './template.ts';

/** The format of rule files; docs/rules.md explains it. */

const range = z.string().refine((text) => semver.validRange(text) !== null, 'not a semver range');
const text = z.string().min(1);

/** Ranges of the operator's version and their values, oldest first. */
const table = z
  .record(range, text)
  .refine((entries) => Object.keys(entries).length > 0, 'a table needs at least one range');

/** A condition under which the render itself names the image. */
const namedBy = z.union([
  z.strictObject({ env: text }),
  z.strictObject({ argument: text }),
  z.strictObject({ field: text }),
  z.strictObject({ config: text }),
]);

const redirect = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.enum(REDIRECT_KINDS).exclude(['values', 'none']),
    name: text,
    value: text.optional(),
    values: z.record(text, z.record(z.string(), z.unknown())).optional(),
  }),
  z.strictObject({ kind: z.literal('values'), values: z.record(text, z.record(z.string(), z.unknown())) }),
  z.strictObject({ kind: z.literal('none') }),
]);

const image = z.strictObject({
  name: text,
  reference: text,
  source: text.optional(),
  versions: range.optional(),
  for: z
    .strictObject({
      group: text,
      kind: text,
      has: text.optional(),
      version: text.optional(),
      single: z.literal(true).optional(),
    })
    .optional(),
  unless: z.array(namedBy).optional(),
  need: z.enum(NEEDS).optional(),
  confidence: z.enum(CONFIDENCES).exclude(['certain']).optional(),
  redirect,
});

/** One operator's rule. */
const ruleSchema = z
  .strictObject({
    operator: text,
    source: text,
    when: z.strictObject({ images: z.array(text).min(1) }),
    tables: z.record(text, table).optional(),
    images: z.array(image).min(1),
  })
  .superRefine((rule, context) => {
    const seen = new Set<string>();
    for (const [i, { name, reference, for: resource, unless }] of rule.images.entries()) {
      const addIssue = (key: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['images', i, key], message });
      if (seen.has(name)) addIssue('name', `duplicate image "${name}"`);
      seen.add(name);
      for (const variable of templateVariables(reference)) {
        const [scope, variableName] = variable;
        if (scope === 'unknown') addIssue('reference', `unknown variable "${variableName}"`);
        if (scope === 'table' && rule.tables?.[variableName] === undefined)
          addIssue('reference', `no table "${variableName}"`);
        if (scope === 'field' && resource === undefined) addIssue('reference', `"field.${variableName}" needs "for"`);
      }
      if (resource === undefined && unless?.some((condition) => 'field' in condition)) {
        addIssue('unless', 'a field needs "for"');
      }
    }
  });

export type Rule = Readonly<z.infer<typeof ruleSchema>>;
export type RuleImage = Rule['images'][number];

/**
 * Parses the content of a rule file: one rule or a list of them.
 * @param file the path, for messages
 * @throws AirgapError `config` with every invalid field
 */
export function parseRules(value: unknown, file: string): Rule[] {
  const list = Array.isArray(value) ? value : [value];
  const problems: string[] = [];
  const rules = list.flatMap((item, i) => {
    const result = ruleSchema.safeParse(item);
    if (result.success) return [result.data];
    for (const { path, message } of result.error.issues) {
      const field = [...(Array.isArray(value) ? [i] : []), ...path].join('.');
      problems.push(`${file}: ${field || 'rule'}: ${message}`);
    }
    return [];
  });
  if (problems.length === 0) return rules;
  throw new AirgapError('config', problems.join('\n'), { hint: 'docs/rules.md describes the format' });
}
