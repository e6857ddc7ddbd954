export { listImages } from './list-images.ts';
export { referenceOf } from './references.ts';
export type {
  ListOptions,
  RegistrySelection,
  RepositoryImages,
  RepositorySelection,
  Shard,
  TagRules,
} from './selection.ts';
export { isInShard, shardOf } from './shard.ts';
