/** Objects of OpenShift: image streams and their tags, builds, the internal registry. */
export { BUILD_KINDS, buildOutputs } from './build-outputs.ts';
export {
  type ClassifiedTag,
  classifyTags,
  isMoved,
  isPlatformUpload,
  type MoveOptions,
  sourceOf,
} from './classify-tags.ts';
export { describeOrigin, type ExportSource, readExport } from './exported-objects.ts';
export { mergeTags, STREAM_KINDS, tagKey } from './image-streams.ts';
export { ADDRESS_KINDS, addressesIn, type RegistryRoute } from './registry-addresses.ts';
