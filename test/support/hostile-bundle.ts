import type { Inventory } from '../../src/inventory/inventory.ts';
import { graphOf, inventoryOf, NAMES, registry, chart as storedChart, write } from './bundles.ts';

/** Texts that would end an element, an attribute or a script, load something, or disguise a name. */
export const HOSTILE = [
  '</script><script>document.title = "owned"</script>',
  '"><img src=http://127.0.0.1:9/x onerror="document.title=\'owned\'">',
  "' onmouseover='document.title=1' x='",
  '<style>@import url(http://127.0.0.1:9/s.css)</style><!-- ',
  'a\u202egpj.exe\u0000\u001b[2J\u2028b\ud800',
  '&lt;b&gt;&amp;',
] as const;

/** Writes a bundle of three images whose inventory has hostile texts wherever its schema takes any text. */
export async function writeHostileBundle(path: string): Promise<Inventory> {
  const source = registry();
  const inventory = hostileInventory(inventoryOf(await graphOf(source), [storedChart]));
  await write(path, source, { inventory });
  return inventory;
}

function hostileInventory(inventory: Inventory): Inventory {
  const [tag, image, quote, style, bidi, entity] = HOSTILE;
  const location = { chart: tag, profile: image, template: bidi, document: 0, kind: style, name: quote, path: entity };
  return {
    ...inventory,
    madeBy: tag,
    platforms: [image],
    charts: inventory.charts.map((each) => ({
      ...each,
      source: image,
      parent: tag,
      profiles: [
        {
          name: style,
          given: { files: [tag], set: [image] },
          recipes: [
            {
              upgrade: false,
              slots: [],
              places: [{ template: tag, document: 0, path: image, written: 'quay.io/a:1', first: [] }],
              switches: [],
              refused: [bidi],
            },
          ],
        },
      ],
      referrers: [],
    })),
    images: inventory.images.map((each) => ({
      ...each,
      platforms: [tag, image],
      confidence: 'likely' as const,
      found: HOSTILE.map((text) => ({
        ...location,
        subcharts: [{ name: text, version: text, alias: text }],
        within: text,
        hook: text,
        written: text,
        values: [text],
        via: [text],
        how: 'pod-spec' as const,
      })),
    })),
    choices: [{ rule: 'exclude', pattern: tag, reason: image, charts: [style], references: [bidi] }],
    network: HOSTILE.map((url) => ({ url, kind: style, found: [{ ...location, hook: tag, within: image }] })),
    possible: [{ reference: NAMES[0] as string, found: [{ ...location, how: 'env' as const, written: tag }] }],
  };
}
