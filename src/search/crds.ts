import { AirgapError, combine } from '../base/errors.ts';
import { printableLine } from '../base/printable.ts';
import { crossCheckImages } from '../discovery/cross-check.ts';
import { discoverReferences, isRelevant, objectsIn } from '../discovery/index.ts';
import { splitDocuments } from '../helm/documents.ts';
import type { Renderer } from '../helm/render.ts';

/**
 * Rejects workloads in the `crds` folders of a chart and its subcharts. Helm installs these files whatever their kind,
 * without rendering them: values cannot change them, and post-renderers do not see them.
 * @throws AirgapError `chart-invalid` for each workload, `disagreement` for unreadable documents
 */
export async function checkCrds(renderer: Renderer): Promise<void> {
  const { name } = renderer.chart.metadata;
  const files = [...(await renderer.crds())];
  const documents = files.flatMap(([path, text]) => splitDocuments(`---\n# Source: ${name}/${path}\n${text}`));
  const relevant = documents.filter(isRelevant);
  crossCheckImages(relevant, discoverReferences(relevant, { chart: name, profile: '' }));
  const errors = relevant.flatMap(({ template, object }) =>
    objectsIn(object).flatMap(({ kind, name: workload, images }) => {
      if (images.length === 0) return [];
      const workloadTitle = printableLine(`${template}: ${kind}/${workload}`);
      return [
        new AirgapError(
          'chart-invalid',
          `${workloadTitle} contains images, but Helm installs files in crds/ without rendering them`,
          {
            hint: 'values cannot override its images; move the workload to templates/',
          },
        ),
      ];
    }),
  );
  if (errors.length > 0) throw combine(errors, `${errors.length} workloads are in crds/ folders`);
}
