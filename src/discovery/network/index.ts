export type { NetworkLocation, NetworkNeed } from './fetch.ts';
export { networkNeeds } from './search.ts';
