export type {
  ListContent,
  ListedChart,
  ListedLogin,
  ListedPath,
  ListedRegistry,
  NotTaken,
  Place,
  Variables,
} from './content.ts';
export type { ListFormat } from './list-format.ts';
export { MAX_LIST_SIZE, readList } from './read-list.ts';
export { commandWords } from './shell/command-words.ts';
