export { discoverPlaces } from './discover.ts';
export { toFindings } from './findings.ts';
export { imageConfigPlaces } from './image-config.ts';
export type { PlaceFound } from './place.ts';
