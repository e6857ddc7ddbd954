import { openCheckedBundle } from '../../bundle/open.ts';
import { isFetchedByController } from '../../discovery/index.ts';
import { parseReference } from '../../oci/reference.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { decisionsFor } from '../values/bundled-images.ts';
import { BundledImages } from './ask-bundle.ts';
import { type CheckOptions, platformsOf, pulledImages } from './check.ts';
import { wantedImages } from './images.ts';
import { type PullTest, type PullTestOptions, pullTestJobs } from './pull-test-job.ts';

/** Result of {@link pullTest}. */
export interface ChartsPullTest extends PullTest {
  /** Images of other registries than the target, which the Jobs do not pull. */
  readonly left: readonly string[];
}

/**
 * Renders charts and reads manifests as {@link check} does, and returns Jobs that pull one image of each repository at the
 * target, save for artifacts that only controllers fetch. Asks no registry.
 * @throws AirgapError as `check` and `pullTestJobs`
 */
export function pullTest(
  context: Context,
  options: CheckOptions,
  pullSecret: PullTestOptions['pullSecret'],
): Promise<ChartsPullTest> {
  return withScratch(context, async (scratch) => {
    const { bundle: file, signers, target } = options;
    const bundle = file === undefined ? undefined : await openCheckedBundle(file, { signers, emit: context.emit });
    try {
      const decisions = decisionsFor(context, options, bundle);
      const { charts, manifests } = await pulledImages(context, { ...options, decisions }, bundle, scratch);
      const bundled = bundle && new BundledImages(bundle, target);
      const wanted = wantedImages([...charts, ...manifests], target, bundled, decisions);
      const images = wanted
        .filter(({ isPublic, workloads }) => !isPublic && !workloads.every(isFetchedByController))
        .map(({ reference }) => parseReference(reference));
      const left = wanted.filter(({ isPublic, allowed }) => isPublic && !allowed).map(({ reference }) => reference);
      return { ...pullTestJobs({ images, platforms: platformsOf(options, bundle), pullSecret }), left };
    } finally {
      await bundle?.close();
    }
  });
}
