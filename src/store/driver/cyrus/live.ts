import type { Endpoint } from '../../../endpoint.ts';
import { type Answer, type MailboxQuestion, NOBODY, type Question } from '../../../vocabulary.ts';
import { type Bulk, QuestionError, type StoreError } from '../../store.ts';
import { createSocketmap } from '../socketmap/driver.ts';
import type { CyrusConfig } from './keys.ts';

/** smmapd says only this about a folder that is there, and that nobody may post to. lmtpd refuses it, too (5.7.1). */
const DISABLED = ['Permission denied'];

const OTHER_DOMAIN = 'smmapd finds shared folders of the default domain only';
const ANY_CASE = 'smmapd compares the case of a shared folder, and this one may exist in another case';

/**
 * Asks the smmapd of a Cyrus, which finds a shared folder by `postuser+folder`, and in the default domain only.
 * `serverOf` is the value of a mailbox.
 */
export function createLive(
  endpoint: Endpoint,
  config: Pick<CyrusConfig, 'canary' | 'defaultDomain' | 'postuser' | 'timeoutMs'>,
  serverOf: (question: MailboxQuestion) => string,
): Bulk {
  const maps = { mailbox: 'cyrus', folder: 'cyrus' };
  const { canary: canaries, timeoutMs } = config;
  const smmapd = createSocketmap(endpoint, { maps, disabled: DISABLED, canaries, timeoutMs });
  /** The question that smmapd is asked, or the doubt that is left without asking. */
  const translate = (question: Question): Question | StoreError => {
    if (question.about !== 'mailbox') return question;
    const { local, domain, folder } = question;
    if (folder === null || local !== NOBODY) return question;
    if (domain !== config.defaultDomain) return new QuestionError(OTHER_DOMAIN);
    return { ...question, local: `${config.postuser}+${folder}`, folder: null, exact: false }; // exact: socketmap would doubt
  };
  const judge = (question: Question, answer: Answer | StoreError): Answer | StoreError => {
    if (question.about !== 'mailbox' || answer instanceof Error) return answer;
    const { local, folder, anyCase } = question;
    if (answer === null) return local === NOBODY && folder !== null && anyCase ? new QuestionError(ANY_CASE) : null;
    return { ...answer, value: serverOf(question) };
  };
  return {
    async lookupAll(questions) {
      const asked = questions.map(translate);
      const sent = asked.filter((each) => 'about' in each);
      const answers = sent.length === 0 ? [] : [...(await smmapd.lookupAll(sent))];
      return asked.map((each, at) => {
        if (each instanceof Error) return each;
        return judge(questions[at] as Question, answers.shift() as Answer | StoreError);
      });
    },
    atomic: false,
    close: () => smmapd.close(),
  };
}
