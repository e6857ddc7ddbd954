export { listImages } from './list-images.ts';
export { referenceOf } from './references.ts';
export type {
  ListOptions,
  RegistrySelection,
  RepositoryImages,
  RepositorySelection,
  Shard,
} from './selection.ts';
export { isInShard } from './shard.ts';
