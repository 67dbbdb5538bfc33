import { oneOf, section, yesOrNo, z } from '../toml/type.ts';
import { checkRecipientKeys, recipientKeys, separators } from './recipient-keys.ts';

/** A `[map.NAME]` of kind alias. */
export const aliasKeys = section(
  {
    ...recipientKeys,
    detail: section({
      separators,
      /** Whether `user+detail` goes to `target+detail` where only `user` is an alias, as Postfix does with its own tables. */
      carry: yesOrNo(true),
    })
      .prefault({})
      .describe('{ separators = ["+"], carry = true }'),
    /** One step, since Postfix and Sendmail ask again for each target; or all the way, for a mail server that takes the answer as it is. */
    expand: oneOf(['once', 'fully'], 'once'),
    /** What `@domain` catches: what has no mailbox of its own; whatever has no alias, as in Postfix's own tables; or nothing. */
    catch_all: oneOf(['unknown', 'any', 'none'], 'unknown'),
  },
  checkRecipientKeys,
).transform(({ detail, ...others }) => ({ ...others, separators: detail.separators, carryDetail: detail.carry }));

/** What these keys come to. */
export type AliasTable = Readonly<z.output<typeof aliasKeys>>;
