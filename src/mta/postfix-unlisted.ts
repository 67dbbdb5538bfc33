import { quote } from './postconf.ts';
import type { Step } from './postfix-step.ts';
import type { Setting } from './setting.ts';

/** Parameters by which smtpd accepts whoever is in no list. Each has what to set instead; null: it does not do so. */
const ACCEPTING: Readonly<Record<string, (value: string) => string | null>> = {
  smtpd_reject_unlisted_recipient: (value) => (value === 'no' ? 'yes' : null),
  receive_override_options(value) {
    const words = value.split(/[\s,]+/);
    const others = words.filter((word) => word !== 'no_unknown_recipient_checks');
    return others.length === words.length ? null : others.join(' ');
  },
};

/** The services of master.cf that take mail from others: smtpd, alone or behind postscreen. */
const SERVICES = ['smtp/inet/', 'smtpd/pass/'];

/** What makes smtpd accept recipients that smmap does not have. Their mail would be returned later, to whoever is its sender. */
export function unlisted({ postconf }: Setting): Step[] {
  if (postconf === null) return [];
  return Object.entries(ACCEPTING).flatMap(([name, other]) =>
    ['', ...SERVICES].flatMap((service): Step[] => {
      const parameter = service + name;
      const value = service === '' ? postconf.expanded(name) : (postconf.ofServices.get(parameter) ?? '');
      const next = other(value);
      if (next === null) return [];
      return [
        {
          about: [
            'smtpd asks no list, so it also accepts who is NOTFOUND, and returns the mail later.',
            `now: ${parameter} = ${value}`,
          ],
          command: `postconf -${service === '' ? 'e' : 'P'} ${quote(`${parameter} = ${next}`)}`,
          unless: [
            'With this command it refuses those who are in no list, in all domains. If your lists are complete, type:',
          ],
        },
      ];
    }),
  );
}
