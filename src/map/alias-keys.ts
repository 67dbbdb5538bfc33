import { oneOf, section, yesOrNo, z } from '../toml/type.ts';
import { checkRecipientKeys, recipientKeys, separators } from './recipient-keys.ts';

/** A `[map.NAME]` of kind alias. */
export const aliasKeys = section(
  {
    ...recipientKeys,
    detail: section({
      separators,
      /**
       * Whether `user+detail` goes to `target+detail` if only `user` is an alias. Postfix does so with its own tables.
       */
      carry: yesOrNo(true),
    })
      .prefault({})
      .describe('{ separators = ["+"], carry = true }'),
    /** `once`, because Postfix and Sendmail ask again for each target; or `fully`, for a mail server that does not. */
    expand: oneOf(['once', 'fully'], 'once'),
    /**
     * What `@domain` catches. `unknown`: addresses without a mailbox and without an alias. `any`: addresses without an
     * alias, as in Postfix's own tables. `none`: nothing.
     */
    catch_all: oneOf(['unknown', 'any', 'none'], 'unknown'),
  },
  checkRecipientKeys,
).transform(({ detail, ...others }) => ({ ...others, separators: detail.separators, carryDetail: detail.carry }));

/** The keys, as they are read. */
export type AliasTable = Readonly<z.output<typeof aliasKeys>>;
