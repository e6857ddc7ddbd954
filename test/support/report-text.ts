import { layOut } from '../../src/cli/reports/layout.ts';
import type { Block, Report } from '../../src/cli/reports/report.ts';

/** Lays blocks out as the command line does. @param width undefined: as for a pipe */
export function blocksText(blocks: readonly Block[], width?: number): string {
  return layOut(blocks, width);
}

/** Lays a report out as the command line does. @param width undefined: as for a pipe */
export function reportText({ result, notes }: Report, width?: number): { result: string; notes: string } {
  return { result: layOut(result, width), notes: layOut(notes, width) };
}
