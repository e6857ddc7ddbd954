export { objectsIn } from './containers.ts';
export { checkContainerImages, crossCheckImages, malformedImages } from './cross-check.ts';
export { discoverReferences } from './discover.ts';
export { toFindings } from './findings.ts';
export { imageConfigReferences } from './image-config.ts';
export { isRelevant } from './relevance.ts';
export { demoteValuesCopies, imageLeaves, tracedReferences } from './value-references.ts';
