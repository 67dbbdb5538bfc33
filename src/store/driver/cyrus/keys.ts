import { oneOf, parsedBy, type Read, section, wholeNumber, z } from '../../../toml/type.ts';
import * as value from '../../../toml/value.ts';
import type { Question } from '../../../vocabulary.ts';
import type { Driver } from '../../driver.ts';
import { serverKeys } from '../../guard/keys.ts';
import { endpoints } from '../../server.ts';
import { advice } from './advice.ts';
import { readList, remarksOn } from './list.ts';
import { cannotExist } from './shared.ts';

/** The keys of a store that is a Cyrus: its smmapd, and a file with its list of mailboxes. */
const keys = section({
  server: endpoints,
  snapshot: parsedBy('the absolute path of a file', value.absolutePath),
  default_domain: parsedBy('the defaultdomain of imapd.conf, such as "example.org"', value.domain),
  separator: oneOf(['/', '.'], '/'),
  postuser: z.string().default('').describe('the postuser of imapd.conf, or ""'),
  ...serverKeys,
  batch: wholeNumber(1, 1_000, 10, 'questions'),
  connections: wholeNumber(1, 100, 4, 'connections'),
});

/** The configuration of such a store. */
export type CyrusConfig = Read<typeof keys>;

/** The driver for Cyrus. Its smmapd is asked first. While that cannot say, the list may say that a mailbox exists. */
export const cyrus: Driver<CyrusConfig> = {
  package: null,
  keys,
  answers: (_, question) => question.about === 'mailbox',
  canary: () => 'needed', // smmapd makes a new list if its own is gone, and says NOTFOUND for everybody
  advice,
  files: ({ snapshot }) => [{ key: 'snapshot', path: snapshot, kind: 'file', right: 'read' }],
  async remarks({ snapshot, ...options }) {
    const list = await readList(snapshot, options).catch((cause: Error) => ({ flaw: cause.message }));
    return 'flaw' in list ? [] : remarksOn(list); // whoever asks the store hears of the flaw
  },
  load: () => import('./driver.ts'),
  async open(config, events) {
    const { openCyrus } = await import('./driver.ts');
    const cannotHold = (question: Question): boolean => cannotExist(question, config.postuser);
    return { ...openCyrus(config, events), guards: config, proves: true, cannotHold };
  },
};
