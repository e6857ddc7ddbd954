export type { NetworkKind, NetworkLocation, NetworkNeed } from './need.ts';
export { networkNeeds } from './needs.ts';
