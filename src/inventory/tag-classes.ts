export const TAG_CLASSES = ['built', 'pushed', 'mirrored', 'public', 'platform', 'empty'] as const;

/**
 * Class of a tag (docs/image-streams.md): built inside; pushed from outside; an import that workloads pull from the internal
 * registry; an import or reference that they pull from elsewhere; the platform's own; without an image.
 */
export type TagClass = (typeof TAG_CLASSES)[number];
