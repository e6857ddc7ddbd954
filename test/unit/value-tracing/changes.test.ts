import { describe, expect, it } from 'vitest';
import { splitDocuments } from '../../../src/helm/documents.ts';
import { changeKey, changesBetween } from '../../../src/value-tracing/changes.ts';

const render = (...texts: string[]) => ({
  documents: splitDocuments(texts.map((text) => `---\n# Source: c/templates/a.yaml\n${text}`).join('\n')),
});

describe('differences between two renders', () => {
  it('are the smallest subtrees, with the values before and after', () => {
    const before = [render('a: {b: 1, c: [x, y]}'), render('same: 1')];
    const after = [render('a: {b: 1, c: [x, z], d: new}'), render('same: 1')];
    expect(changesBetween(before, after)).toEqual([
      { render: 0, template: 'c/templates/a.yaml', document: 0, path: ['a', 'c', 1], before: 'y', after: 'z' },
      { render: 0, template: 'c/templates/a.yaml', document: 0, path: ['a', 'd'], before: undefined, after: 'new' },
    ]);
  });

  it('are whole lists if the length differs, and values that are compared as a whole', () => {
    const longer = changesBetween([render('l: [1]')], [render('l: [1, 2]')]);
    expect(longer).toMatchObject([{ path: ['l'], before: [1], after: [1, 2] }]);
    const whole = changesBetween([render('l: [1]')], [render('l: [2]')], (key) => key === 'l');
    expect(whole).toMatchObject([{ path: ['l'], before: [1], after: [2] }]);
  });

  it('are added and removed documents, and texts of documents that are not mappings', () => {
    expect(changesBetween([render('a: 1')], [render('a: 1', 'b: 2')])).toMatchObject([
      { document: 1, path: [], before: undefined, after: 'b: 2\n' },
    ]);
    expect(changesBetween([render('- a')], [render('- b')])).toMatchObject([
      { path: [], before: '- a\n', after: '- b\n' },
    ]);
  });

  it('ignore the order of keys and the spelling', () => {
    expect(changesBetween([render('a: {b: 1, c: "x"}')], [render('a:\n  c: x\n  b: 1')])).toEqual([]);
  });

  it('have one key for each position', () => {
    const [first] = changesBetween([render('a: 1')], [render('a: 2')]);
    const [second] = changesBetween([render('a: 1')], [render('a: 3')]);
    expect(first && changeKey(first)).toBe(second && changeKey(second));
  });
});
