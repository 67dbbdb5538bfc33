import { createMemoryStore } from '../../src/store/driver/memory/driver.ts';
import { describeStore } from './suite.ts';

const cannot = 'it exists only in the memory of this process';

describeStore('the memory store', {
  open: (records) => createMemoryStore(records),
  breaks: { cannot },
  hangs: { cannot },
});
