export type { NetworkKind, NetworkLocation, NetworkNeed } from './fetch.ts';
export { networkNeeds } from './search.ts';
