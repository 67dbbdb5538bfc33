import type { Logger } from '../log.ts';
import type { HarvestAlarm } from './alarm.ts';

/** Writes the start and the end of an alarm. `shownAs` hides a domain as the log does. */
export function createHarvestLog(logger: Logger, shownAs: (domain: string | null) => string | null | undefined) {
  const told = ({ map, listener, domain, misses, names, forMs }: HarvestAlarm) => {
    const shown = shownAs(domain);
    const seconds = Math.round(forMs / 1_000);
    return {
      fields: { map, listener, domain: shown, misses, names, seconds },
      text: `${shown ?? 'many domains'} at listener ${listener}: ${misses} requests for about ${names} absent addresses in ${seconds} s`,
    };
  };
  return {
    harvestStarted(alarm: HarvestAlarm): void {
      const { fields, text } = told(alarm);
      logger.warn({ event: 'harvest', ...fields }, `somebody seems to guess addresses of ${text}`);
    },
    harvestEnded(alarm: HarvestAlarm): void {
      const { fields, text } = told(alarm);
      logger.info({ event: 'harvest_ended', ...fields }, `end of the alarm about addresses of ${text}`);
    },
  };
}
