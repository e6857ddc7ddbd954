/** Forms of lists that `import` reads. Here without a reader, because flags name them. */
export const LIST_FORMATS = [
  'hauler',
  'zarf',
  'images-lock',
  'compose',
  'skopeo-sync',
  'yaml',
  'shell',
  'env-file',
  'text',
] as const;

export type ListFormat = (typeof LIST_FORMATS)[number];

/** Forms of lists that `images -o` writes, for other tools and scripts. */
export const WRITTEN_FORMATS = ['shell', 'hauler', 'zarf', 'skopeo-sync'] as const satisfies readonly ListFormat[];

export type WrittenFormat = (typeof WRITTEN_FORMATS)[number];
