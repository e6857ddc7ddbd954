export {
  LIST_FORMATS,
  type ListContent,
  type ListedChart,
  type ListedPath,
  type ListFormat,
  type NotTaken,
  type Place,
  type Variables,
} from './content.ts';
export { MAX_LIST_SIZE, readList } from './read-list.ts';
