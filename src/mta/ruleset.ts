import { textOf } from './setting.ts';

/** What Sendmail says while smmap is uncertain. */
const DEFER = '$#error $@ 4.3.0 $: "451 Temporary system failure. Please try again later."';

/** A rewriting rule. Sendmail needs TABs between its sides. */
function rule(left: string, right: string): string {
  return `R${left}\t${right}`;
}

/**
 * The text of feature/anfi_vcyrus.m4, by Andrzej Filip and Dilyan Palauzov, but with -t in the map: without it, its 451 has no
 * effect. `arguments_` is the text after the name in the K line.
 */
export function featureText(map: string, arguments_: string): string {
  return textOf(
    'divert(-1)',
    'dnl',
    'dnl After the feature of the same name by Andrzej Filip and Dilyan Palauzov, in the Cyrus IMAP manual.',
    'dnl Asks smmap about users of this machine, after aliases(5), and sends those that exist to the mailer cyrusv2.',
    'dnl Between the sides of a rule there are TABs.',
    'dnl',
    'LOCAL_CONFIG',
    '# smmap is asked for the map of this name. -t: do not defer, so that the rule for TMPF below takes effect; -T: is appended',
    '# if there is no certain answer; -a: is appended to an OK; -d: seconds to wait, more than smmap takes.',
    `K${map} ${arguments_}`,
    '',
    'LOCAL_RULESETS',
    'SLocal_localaddr',
    '# user, without a domain -> user $| answer',
    rule('$+', `$: $1 $| $(${map} $1 $: $)`),
    '# NOTFOUND',
    rule('$+ $|', '$#error $@ 5.1.1 $: "550 User unknown."'),
    '# TEMP, TIMEOUT, no server',
    rule('$+ $| $*<TMPF>', DEFER),
    '# OK',
    rule('$+ $| $*<OK>', '$#cyrusv2 $@ $: $1'),
    rule('$+ $| $*', '$: $1'),
  );
}

/** Rules of proto.m4 8.17, as they are there. Ours go between them. */
const BEFORE = [
  rule('<@> $+ + $* < @ $+ . >', '$: < $(virtuser @ $3 $@ $1 $@ $2 $@ +$2 $: ! $) > $1 + $2 < @ $3 . >'),
  'dnl without +detail',
  rule('<@> $+ < @ $+ . >', '$: < $(virtuser @ $2 $@ $1 $: @ $) > $1 < @ $2 . >'),
];
const AFTER = ['dnl no match', rule('<@> $+', '\t\t$: $1'), 'dnl remove mark'];
const FIRST_LINE = 1_150;

/**
 * A patch of m4/proto.m4: which virtual addresses exist. It is based on the patch of the Cyrus manual, whose <TMPFS> never matched
 * what -T<TMPF> appends, so that an outage refused existing users.
 */
export function protoPatch(map: string): string {
  const known = '< error : $-.$-.$- : $+ >';
  const added = [
    'dnl smmap: virtusertable is unavailable',
    rule('< $* <TMPF> > $*', DEFER),
    'dnl smmap: for a virtual domain, do not look elsewhere if virtusertable has nothing',
    rule('<@> $+ < @ $=w . >', '$: $1 < @ $2 . >'),
    rule('<!> $+ < @ $=w . >', '$: $1 < @ $2 . >'),
    rule('<@> $+ < @ $={VirtHost} . >', '$: < error : 5.1.1 : 550 No such user here > $1 < @ $2 . >'),
    rule('<!> $+ < @ $={VirtHost} . >', '$: < error : 5.1.1 : 550 No such user here > $1 < @ $2 . >'),
    'dnl smmap: deliver a virtual address that is not in virtusertable, if it has a mailbox',
    rule(`${known} $+ < @ $={VirtHost} . >`, `$: < error : $1.$2.$3 : $4 > $5 < $6 . > $| $(${map} $5@$6 $: $)`),
    rule(`${known} $* < $* . > $| $*<OK>`, '$#cyrusv2 $@ $: $5@$6'),
    rule(`${known} $* $| $*<TMPF>`, DEFER),
  ];
  const lines = BEFORE.length + AFTER.length;
  return textOf(
    '--- a/cf/m4/proto.m4',
    '+++ b/cf/m4/proto.m4',
    `@@ -${FIRST_LINE},${lines} +${FIRST_LINE},${lines + added.length} @@`,
    ...BEFORE.map((line) => ` ${line}`),
    ...added.map((line) => `+${line}`),
    ...AFTER.map((line) => ` ${line}`),
  );
}

/** A patch of mailer/cyrusv2.m4, without context, because the next line has a path that distributions change. */
export const CYRUSV2_PATCH = textOf(
  '--- a/cf/mailer/cyrusv2.m4',
  '+++ b/cf/mailer/cyrusv2.m4',
  '@@ -14 +14 @@',
  "-_DEFIFNOT(`CYRUSV2_MAILER_FLAGS', `A@/:|m')",
  "+_DEFIFNOT(`CYRUSV2_MAILER_FLAGS', `8m')",
);
