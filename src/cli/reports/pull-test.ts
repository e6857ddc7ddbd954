import { count, firstOf } from '../../base/count.ts';
import type { ChartsPullTest } from '../../workflows/check/pull-test.ts';
import type { Report } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum number of images in a line. */
const MAX_IMAGES = 3;

/** Says how to run the Jobs of a pull test, and how to read them. The Jobs themselves are the command's result. */
export function pullTestReport(
  { jobs, images, left, namespace, selector, seconds }: ChartsPullTest,
  target = 'TARGET',
): Report {
  const where = namespace === undefined ? '' : ` -n ${namespace}`;
  const select = `-l ${selector}`;
  const lines = [
    `${count(jobs, 'Job')} for ${count(images.length, 'image')}, one of each repository; apply with: kubectl apply -f FILE`,
    `pulled if the Jobs complete: kubectl${where} wait --for=condition=complete job ${select} --timeout=${seconds}s`,
    `what is not pulled, before ${seconds / 60} minutes have passed: kubectl${where} get pods ${select} -o json | helm airgap check --pods - --to ${target}`,
    `remove them: kubectl${where} delete job,configmap ${select}`,
  ];
  if (left.length > 0) lines.push(`not pulled, because they are not of ${target}: ${firstOf(left, MAX_IMAGES)}`);
  return { result: [], notes: [joinLines(lines)] };
}
