import { TilerError } from '../../src/errors.ts';

/** Smallest and largest value of the fields; day of week with 7 = Sunday. */
const FIELDS = [
  { name: 'second', min: 0, max: 59, names: [] },
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day of month', min: 1, max: 31, names: [] },
  {
    name: 'month',
    min: 1,
    max: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { name: 'day of week', min: 0, max: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const;

/** A day in February that is a Monday comes within 28 years, but for centuries without a leap year. */
const MAX_DAYS = 366 * 40;

/** Times of a clock, in UTC. */
export interface CronSchedule {
  /** The first time after a moment. */
  next(after: Date): Date;
}

/**
 * Reads the five fields of cron: `0 3 * * *`, with lists, ranges, steps and names of months and days; with six, the first
 * is of seconds. Where both days are given either will do, as in cron.
 *
 * @throws TilerError `REQUEST_INVALID`, also for a date that never comes
 */
export function parseCron(text: string): CronSchedule {
  const given = text.trim().split(/\s+/);
  const parts = given.length === FIELDS.length ? given : ['0', ...given];
  if (parts.length !== FIELDS.length) throw unreadable(text, `${given.length} fields, expected 5 or 6`);
  const [seconds, minutes, hours, days, months, weekdays] = FIELDS.map((field, i) =>
    valuesOf(parts[i] ?? '', field, text),
  );
  const isAnyDay = parts[3]?.startsWith('*') === true || parts[5]?.startsWith('*') === true;
  const isDay = (date: Date): boolean => {
    const isOfMonth = days?.has(date.getUTCDate()) === true;
    const weekday = date.getUTCDay();
    const isOfWeek = weekdays?.has(weekday) === true || (weekday === 0 && weekdays?.has(7) === true);
    return months?.has(date.getUTCMonth() + 1) === true && (isAnyDay ? isOfMonth && isOfWeek : isOfMonth || isOfWeek);
  };
  const times = [...(hours ?? [])].flatMap((hour) =>
    [...(minutes ?? [])].flatMap((minute) => [...(seconds ?? [])].map((second) => (hour * 60 + minute) * 60 + second)),
  );
  times.sort((a, b) => a - b);
  const next = (after: Date): Date => {
    const first = Math.floor(after.getTime() / 1000) + 1;
    const day = new Date(first * 1000);
    day.setUTCHours(0, 0, 0, 0);
    for (let i = 0; i < MAX_DAYS; i++, day.setUTCDate(day.getUTCDate() + 1)) {
      if (!isDay(day)) continue;
      const start = day.getTime() / 1000;
      const time = times.find((second) => start + second >= first);
      if (time !== undefined) return new Date((start + time) * 1000);
    }
    throw unreadable(text, 'a date that never comes');
  };
  next(new Date(0));
  return { next };
}

type Field = (typeof FIELDS)[number];

function valuesOf(text: string, field: Field, whole: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [, range = '', step] = /^([^/]+)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    const [from, to] = rangeOf(range, field, step !== undefined);
    const by = step === undefined ? 1 : Number(step);
    if (from === null || to === null || from > to || by < 1) throw unreadable(whole, `'${part}' as ${field.name}`);
    for (let value = from; value <= to; value += by) values.add(value);
  }
  return values;
}

function rangeOf(text: string, field: Field, hasStep: boolean): readonly [number | null, number | null] {
  if (text === '*') return [field.min, field.name === 'day of week' ? 6 : field.max];
  const [from = '', to] = text.split('-', 2);
  const first = valueOf(from, field);
  return [first, to === undefined ? (hasStep ? field.max : first) : valueOf(to, field)];
}

function valueOf(text: string, { min, max, names }: Field): number | null {
  const named = (names as readonly string[]).indexOf(text.toLowerCase());
  if (named >= 0) return named + min;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : null;
}

function unreadable(text: string, found: string): TilerError {
  const expected = 'expected minute, hour, day of month, month and day of week, as "0 3 * * *"';
  return new TilerError('REQUEST_INVALID', `Reading the schedule '${text.slice(0, 100)}': found ${found}; ${expected}`);
}
