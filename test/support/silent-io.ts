import type { CommandIO } from '../../src/cli/run.ts';

/** Command I/O for command lines that are parsed and not run. */
export const SILENT_IO = {
  context: { env: {} },
  columns: () => undefined,
  print: () => {},
  write: () => {},
  info: () => {},
  fail: () => {},
  showProgress: () => {},
  readInput: async () => Buffer.from('odd-word-of-documents'),
} as unknown as CommandIO;
