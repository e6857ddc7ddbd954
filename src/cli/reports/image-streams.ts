import { count, firstOf } from '../../base/count.ts';
import type { ImageStreamTag } from '../../inventory/image-streams.ts';
import { TAG_CLASSES, type TagClass } from '../../inventory/tag-classes.ts';
import type { ImageStreamOptions, ImageStreamPlan } from '../../workflows/image-streams/plan.ts';
import type { Report } from './report.ts';
import { joinLines } from './text.ts';

/** Maximum number of names in a line; JSON and YAML have all. */
const MAX_NAMES = 5;

const CLASS_TEXT: Readonly<Record<TagClass, string>> = {
  built: 'built inside',
  pushed: 'pushed from outside',
  mirrored: 'mirrored',
  public: 'public',
  platform: "platform's own",
  empty: 'empty',
};

/** Formats the tags of image streams: class, whether they have to be moved, and why. Notes: counts by class. */
export function imageStreamsReport(
  plan: ImageStreamPlan,
  { includePublic, includePlatform }: Pick<ImageStreamOptions, 'includePublic' | 'includePlatform'>,
): Report {
  const { tags, counts, registry, platformUploads } = plan;
  const rows = tags.map((tag) => [tag.name, CLASS_TEXT[tag.class], tag.moved ? 'yes' : 'no', whyText(tag)]);
  const classes = TAG_CLASSES.filter((one) => counts.classes[one] > 0).map(
    (one) => `${CLASS_TEXT[one]} ${counts.classes[one]}`,
  );
  const { classes: of } = counts;
  const lines = [
    `${count(counts.tags, 'tag')}: ${classes.join(', ')}`,
    `${counts.moved} to move${registry.route === undefined ? '' : ` from ${registry.route}`}`,
    ...(registry.route === undefined ? ['public host of the internal registry not known: give --registry-route'] : []),
    ...(of.public > 0 && !includePublic ? [`${of.public} public not moved: --include-public takes them`] : []),
    ...(platformUploads.length > 0 && !includePlatform
      ? [`of the platform, but built or pushed: ${firstOf(platformUploads, MAX_NAMES)}; --include-platform takes them`]
      : []),
    ...(counts.older > 0 ? [`${count(counts.older, 'earlier image')} of these tags not moved`] : []),
  ];
  return { result: [{ head: ['TAG', 'CLASS', 'MOVE', 'WHY'], rows }], notes: [joinLines(lines)] };
}

function whyText({ why, older = 0 }: ImageStreamTag): string {
  return older === 0 ? why : `${why}; ${count(older, 'earlier image')}`;
}
