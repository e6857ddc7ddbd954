import { describe, expect, it } from 'vitest';
import { demoteValuesCopies } from '../../../src/discovery/value-references.ts';
import { configMap, discover } from '../../support/discovery/references.ts';

const values = {
  helperImage: 'helper',
  agent: { image: 'reg.io/org/agent' },
  proxy: { image: 'reg.io/org/proxy:1.2' },
  viewer: { enabled: false, image: 'reg.io/org/viewer:1.2' },
};

function confidences(text: string): Record<string, string> {
  const references = demoteValuesCopies(discover(configMap(text)), values);
  return Object.fromEntries(references.map(({ reference, confidence }) => [reference, confidence]));
}

describe('a copy of the values in a text', () => {
  it('is not evidence for a name without its tag, nor for a disabled component', () => {
    const dump = {
      'docker.io/library/helper:latest': 'possible',
      'reg.io/org/agent:latest': 'possible',
      'reg.io/org/proxy:1.2': 'likely',
      'reg.io/org/viewer:1.2': 'possible',
    };
    expect(confidences(JSON.stringify(values))).toEqual(dump);
    expect(confidences(Buffer.from(JSON.stringify(values)).toString('base64'))).toEqual(dump);
  });

  it('is distinguished from configuration with other values or other paths', () => {
    expect(confidences('{"agent": {"image": "reg.io/org/other"}}')).toEqual({ 'reg.io/org/other:latest': 'likely' });
    expect(confidences('{"helperImage": "helper"}')).toEqual({ 'docker.io/library/helper:latest': 'possible' });
    expect(confidences('{"helper": {"image": "reg.io/org/agent"}}')).toEqual({ 'reg.io/org/agent:latest': 'likely' });
  });
});
