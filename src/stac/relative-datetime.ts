import { TilerError } from '../errors.ts';

/** Years, months, weeks and days of ISO 8601; a window of hours would be another one at every look. */
const DURATION = /^P(?=\d)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$/;

const DAY = /^\d{4}-\d\d-\d\d$/;

/** True for a `datetime` of a search with an ISO 8601 duration in it, as `P30D/..`. */
export function isRelativeDatetime(value: unknown): value is string {
  return typeof value === 'string' && value.split('/').some((part) => /^P/i.test(part));
}

/**
 * A `datetime` of a search with its durations replaced: each stands for the beginning of the day, in UTC, that lies so long
 * before a given day. `P30D/..` is everything from 30 days ago on, `P1Y/P1M` from a year ago until a month ago. A month
 * earlier than the 31st is the last day of a shorter month.
 *
 * @param day - `2026-11-22`
 * @throws TilerError `REQUEST_INVALID` for a duration that cannot be read
 */
export function resolveDatetime(datetime: string, day: string): string {
  const parts = datetime.split('/');
  if (!DAY.test(day) || parts.length !== 2) throw unreadable(datetime);
  return parts.map((part) => (/^P/i.test(part) ? dayBefore(part, day, datetime) : part)).join('/');
}

/** A query with its relative `datetime` resolved; any other query as it is. @throws TilerError `REQUEST_INVALID` */
export function resolveQuery(query: Readonly<Record<string, unknown>>, day: string): Readonly<Record<string, unknown>> {
  const { datetime } = query;
  return isRelativeDatetime(datetime) ? { ...query, datetime: resolveDatetime(datetime, day) } : query;
}

/** The day of a moment, in UTC. */
export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

function dayBefore(duration: string, day: string, datetime: string): string {
  const found = DURATION.exec(duration.toUpperCase());
  if (found === null) throw unreadable(datetime);
  const [years = 0, months = 0, weeks = 0, days = 0] = found.slice(1).map(countOf);
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const monthsBack = year * 12 + (month - 1) - years * 12 - months;
  const [fromYear, fromMonth] = [Math.floor(monthsBack / 12), ((monthsBack % 12) + 12) % 12];
  const daysInMonth = new Date(Date.UTC(fromYear, fromMonth + 1, 0)).getUTCDate();
  const moment = new Date(Date.UTC(fromYear, fromMonth, Math.min(date, daysInMonth) - weeks * 7 - days));
  if (Number.isNaN(moment.getTime()) || moment.getUTCFullYear() < 1) throw unreadable(datetime);
  return `${moment.toISOString().slice(0, 10)}T00:00:00Z`;
}

/** A part of the pattern that is not there stands for none. */
function countOf(digits: string | undefined): number {
  return Number(digits ?? 0);
}

function unreadable(datetime: string): TilerError {
  return new TilerError(
    'REQUEST_INVALID',
    `mosaic.query.datetime: found '${datetime.slice(0, 80)}', expected two ends with / between, each a time, '..', or a ` +
      `duration before today in years, months, weeks and days, as 'P30D/..'`,
  );
}
