import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import { referrerKind } from '../../oci/referrer.ts';
import type { PushPlan } from '../../workflows/push/plan-push.ts';
import type { PushResult } from '../../workflows/push/push.ts';
import { tagReference } from './push-report.ts';

/** Returns the JSON document of a push. References are strings; targets have a tag and a separate digest. The receipt is omitted. */
export function pushDocument({ receipt: _, images, charts, retired, ...rest }: PushResult): object {
  return {
    ...rest,
    images: images.map(outcomeDocument),
    charts: charts.map(outcomeDocument),
    ...(retired && { retired: retired.map(targetDocument) }),
  };
}

/** Returns the JSON document of a push plan. */
export function planDocument({ items, referrers, retired, ...rest }: PushPlan): object {
  return {
    ...rest,
    items: items.map(({ reference, target, ...item }) => ({
      reference: formatReference(reference),
      ...targetDocument(target),
      ...item,
    })),
    referrers: {
      ...referrers,
      items: referrers.items.map(({ referrer, repository, ...item }) => ({
        kind: referrerKind(referrer),
        repository: formatRepository(repository),
        subject: referrer.subject,
        ...(referrer.tag === undefined ? {} : { tag: referrer.tag }),
        digest: referrer.descriptor.digest,
        ...item,
      })),
    },
    ...(retired && { retired: retired.map(targetDocument) }),
  };
}

function outcomeDocument({ reference, target, digest, status }: PushResult['images'][number]): object {
  return { reference: formatReference(reference), ...targetDocument({ ...target, digest }), status };
}

function targetDocument(target: Reference): object {
  return { target: tagReference(target), digest: target.digest };
}
