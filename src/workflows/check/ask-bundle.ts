import type { Bundle } from '../../bundle/reading/bundle.ts';
import type { InventoryImage } from '../../inventory/inventory.ts';
import { formatTargetReference, type Target } from '../../naming/naming.ts';
import { rankOnNode } from '../../oci/node-platforms.ts';
import { formatPlatform, type Platform, parsePlatform } from '../../oci/platform.ts';
import { formatReference } from '../../oci/reference.ts';
import type { TargetAnswer } from './ask-target.ts';

/** An image of a bundle, under its upstream name. */
export interface BundledImage {
  readonly source: string;
  readonly digest: InventoryImage['digest'];
  /** Digest at its source when it was bundled; undefined if another tool wrote the bundle. */
  readonly sourceDigest: InventoryImage['digest'] | undefined;
  /** Platforms in the bundle; undefined if another tool wrote it. */
  readonly platforms: readonly string[] | undefined;
}

/** Finds the images of a bundle by their names. */
export class BundledImages {
  readonly #bySource: ReadonlyMap<string, BundledImage>;
  readonly #byTarget: ReadonlyMap<string, BundledImage>;
  readonly #selections: NonNullable<ReturnType<Bundle['inventory']>>['choices'];

  /** @param target where `push` puts them; absent if only upstream names are looked up */
  constructor(bundle: Bundle, target: Target | undefined) {
    const inventory = bundle.inventory();
    const entries = new Map(inventory?.images.map((image) => [image.reference, image]));
    const images = bundle.images().map(({ reference, descriptor: { digest } }) => {
      const source = formatReference(reference);
      const entry = entries.get(source);
      const sourceDigest = entry && (entry.sourceDigest ?? entry.digest);
      return { reference, image: { source, digest, sourceDigest, platforms: entry?.platforms } };
    });
    this.#bySource = new Map(images.map(({ image }) => [image.source, image]));
    this.#byTarget = new Map(
      images.flatMap(({ reference, image }) =>
        target === undefined ? [] : [[formatTargetReference(target, reference), image] as const],
      ),
    );
    this.#selections = inventory?.choices;
  }

  /** Returns the image that `push` puts under a name of the target, which may have got a digest from `values --pin`. */
  atTarget(reference: string): BundledImage | undefined {
    return this.#byTarget.get(reference) ?? this.#byTarget.get(reference.replace(/@.*/, ''));
  }

  /** Returns the image with an upstream name. */
  named(source: string): BundledImage | undefined {
    return this.#bySource.get(source);
  }

  /** Returns whether the bundle has an image for all platforms of the nodes. */
  ask(source: string, nodes: readonly Platform[]): TargetAnswer {
    const image = this.named(source);
    if (image === undefined) return { status: 'not-in-bundle', detail: this.whyLeftOut(source) };
    const { platforms = [] } = image;
    const had = platforms.map(parsePlatform);
    const missing = nodes.filter((node) => had.every((platform) => rankOnNode(platform, node) === undefined));
    // Artifacts, and archives of other tools, have no platforms in the inventory.
    if (had.length === 0 || missing.length === 0) return { status: 'ok', platforms };
    const detail = `not for ${missing.map(formatPlatform).join(', ')}, only for ${platforms.join(', ')}`;
    return { status: 'wrong-platform', detail, platforms };
  }

  /** Says by which selection the bundle was made without an image; undefined if by none. */
  whyLeftOut(source: string): string | undefined {
    const selection = this.#selections?.find(
      ({ rule, references }) => rule !== 'include' && references.includes(source),
    );
    if (selection === undefined) return undefined;
    const { rule, pattern, reason } = selection;
    const how = `--${rule}${pattern ? ` ${pattern}` : ''}`;
    return `left out of the bundle: ${how}${reason === undefined ? '' : `, ${reason}`}`;
  }
}
