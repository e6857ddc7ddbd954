import * as z from 'zod';
import { compareText } from '../base/text-order.ts';

/** Schema of what workloads fetch at run time besides images, as the inventory keeps it: for a person who approves the bundle. */
export const networkSchema = z.array(
  z.object({
    /** Address without user info and tokens, or a package URL. */
    url: z.string(),
    /** `download`, `git`, `package` and others; readers show kinds that they do not know. */
    kind: z.string(),
    found: z.array(
      z.object({
        /** Name of the chart, or of manifests, which contains a space. */
        chart: z.string(),
        profile: z.string(),
        template: z.string(),
        kind: z.string(),
        name: z.string(),
        path: z.string(),
        within: z.string().optional(),
        hook: z.string().optional(),
      }),
    ),
  }),
);

/** An address that workloads fetch from, with the locations that do. */
export type InventoryNetworkNeed = Readonly<z.infer<typeof networkSchema>[number]>;

/** The same as discovery finds it. */
export interface FoundNetworkNeed extends Pick<InventoryNetworkNeed, 'url' | 'kind'> {
  readonly found: readonly Readonly<InventoryNetworkNeed['found'][number]>[];
}

/**
 * Returns the needs as the inventory keeps them: sorted by address, without the command lines in which they were found. Those
 * may hold secrets that no pattern recognizes, and an exported inventory may be public.
 */
export function networkRecord(needs: readonly FoundNetworkNeed[]): InventoryNetworkNeed[] {
  return [...needs]
    .sort((a, b) => compareText(a.url, b.url))
    .map(({ url, kind, found }) => ({
      url,
      kind,
      found: found.map(({ chart, profile, template, kind, name, path, within, hook }) => ({
        ...{ chart, profile, template, kind, name, path },
        ...(within === undefined ? {} : { within }),
        ...(hook === undefined ? {} : { hook }),
      })),
    }));
}
