import { expect, it } from 'vitest';
import { createDispatch } from '../../src/store/dispatch.ts';

it('a dispatch fails where it has no store to ask, and is never certain', () => {
  expect(() => createDispatch(new Map()).lookup({ about: 'domain', domain: 'example.org' })).toThrow('no store to ask');
});
