export type { NetworkKind, NetworkNeed, NetworkPlace } from './need.ts';
export { networkNeeds } from './needs.ts';
