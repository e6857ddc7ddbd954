export type { NetworkLocation, NetworkNeed } from './need.ts';
export { networkNeeds } from './needs.ts';
