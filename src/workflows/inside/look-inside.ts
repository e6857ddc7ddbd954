import { AirgapError, messageOf } from '../../base/errors.ts';
import { scanImage } from '../../inside/image.ts';
import type { Source } from '../../oci/content.ts';
import { parseReference } from '../../oci/reference.ts';
import type { RegistryClient } from '../../registry/client.ts';
import { checkAborted } from '../../transfer/failure.ts';
import type { Context } from '../context.ts';
import { operatorImage } from './operator-image.ts';
import { asked, asker, type InsideImage, type OperatorsOfChart, subjectsOf } from './subject.ts';

export interface LookOptions {
  /** Requests at the same time. */
  readonly concurrency: number;
}

/**
 * Looks into the images of operators for images that they choose, one after another, as their layers come from a
 * registry, and asks registries for what was found. An image that cannot be read is warned about: what it names is only
 * ever an addition.
 * @throws AirgapError `interrupted`
 */
export async function lookInside(
  { emit, signal }: Context,
  client: Source & Pick<RegistryClient, 'head'>,
  charts: readonly OperatorsOfChart[],
  { concurrency }: LookOptions,
): Promise<InsideImage[]> {
  const ask = asker(client);
  const results: InsideImage[] = [];
  for (const subject of subjectsOf(charts)) {
    checkAborted(signal);
    const { image: reference, containers, makers } = subject;
    emit({ type: 'stage', message: `looking into ${reference}` });
    const parsed = parseReference(reference);
    const steps = { emit, ...(signal === undefined ? {} : { signal }) };
    try {
      const image = await operatorImage(client, parsed, steps);
      if (image === undefined) {
        emit({ type: 'warning', message: withoutPlatform(reference) });
        continue;
      }
      const programs = [...image.programs, ...containers.flatMap(({ words }) => words)];
      const findings = await scanImage(image.layers, { image: parsed, makers, programs, ...steps });
      results.push(await asked(subject, findings, ask, concurrency));
    } catch (error) {
      checkAborted(signal);
      emit({ type: 'warning', message: unreadable(reference, error) });
    }
  }
  return results;
}

/** Why an image is not looked into. */
export function withoutPlatform(reference: string): string {
  return `${reference} is not looked into: it has no image for linux/amd64`;
}

/** Why an image cannot be. */
export function unreadable(reference: string, error: unknown): string {
  const hint = error instanceof AirgapError && error.hint !== undefined ? ` (${error.hint})` : '';
  return `${reference} cannot be looked into: ${messageOf(error)}${hint}`;
}
