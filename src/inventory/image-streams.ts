import * as z from 'zod';
import { digestSchema, referenceSchema } from './inventory.ts';
import { TAG_CLASSES } from './tag-classes.ts';

const count = z.int().nonnegative();

const tag = z.object({
  /** `NAMESPACE/STREAM:TAG`: the name of the image in the internal registry of the source, and of the destination. */
  name: z.string(),
  namespace: z.string(),
  class: z.enum(TAG_CLASSES),
  /** Evidence for the class, in words. */
  why: z.string(),
  /** File, document and item of the build that is the evidence. */
  evidence: z.string().optional(),
  /** The tag has to be moved. */
  moved: z.boolean(),
  /** `dockerImageReference` of the current image, as the object has it. */
  image: z.string().optional(),
  /** Digest of the current image. */
  digest: digestSchema.optional(),
  /** Reference by which the image is read from outside the cluster; only of moved tags, if the route is known. */
  source: referenceSchema.optional(),
  /** Number of earlier images of the tag, which are not moved. */
  older: count.optional(),
  /** Tags that it follows, one after the other: `NAMESPACE/STREAM:TAG`, or `NAMESPACE/STREAM@DIGEST` cut to 12 digits. */
  follows: z.array(z.string()).optional(),
  /** File, document and item of the object. */
  file: z.string(),
  /** Field of the object, such as `status.tags[0]`. */
  path: z.string(),
});

/** Document of `image-streams -o json` (kind ImageStreams). */
export const imageStreamsSchema = z.object({
  registry: z.object({
    /** Addresses of the internal registry inside the cluster. */
    internal: z.array(z.string()),
    /** Its public host, if known. */
    route: z.string().optional(),
  }),
  counts: z.object({
    tags: count,
    moved: count,
    classes: z.record(z.enum(TAG_CLASSES), count),
    /** Earlier images of all tags. */
    older: count,
  }),
  tags: z.array(tag),
});

export type ImageStreamsDocument = z.infer<typeof imageStreamsSchema>;
export type ImageStreamTag = z.infer<typeof tag>;
