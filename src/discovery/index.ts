export { discoverPlaces } from './discover.ts';
export { toFindings } from './findings.ts';
export type { PlaceFound } from './place.ts';
