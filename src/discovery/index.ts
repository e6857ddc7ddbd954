export { discoverReferences } from './discover.ts';
export { toFindings } from './findings.ts';
export { imageConfigReferences } from './image-config.ts';
export type { LocatedReference } from './located-reference.ts';
