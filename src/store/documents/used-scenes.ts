import type { MetatileRecord } from '../records/metatile-record.ts';
import type { TilesetOrigin, UsedScene } from './tileset-description.ts';

/** The scenes of which something was read for the metatiles of some records, again for every metatile. */
export async function* usedScenes(records: AsyncIterable<MetatileRecord>): AsyncGenerator<UsedScene, void, undefined> {
  for await (const { inputs } of records) {
    for (const { scene, datetime, files } of inputs.scenes) if (files.length > 0) yield { scene, datetime };
  }
}

/** What many scenes come to. */
export interface SceneSummary {
  /** The first ones, each once. */
  readonly names: readonly string[];
  /** Different ones. */
  readonly count: number;
  /** False if there were more than are told apart: `count` is as many then. */
  readonly isCountExact: boolean;
  /** RFC 3339 in UTC: the first and the last time of them; null if none says one. */
  readonly range: TimeRange | null;
}

export interface TimeRange {
  readonly from: string;
  readonly to: string;
}

/** Scenes that are told apart: some 100 bytes each. */
const MAX_SCENES = 4_000_000;

/** Counts scenes, each once, and finds the time that they span. @param limit - of `names` */
export async function summariseScenes(
  scenes: TilesetOrigin['scenes'],
  { limit, maxScenes = MAX_SCENES }: { readonly limit: number; readonly maxScenes?: number },
): Promise<SceneSummary> {
  const seen = new Set<string>();
  const names: string[] = [];
  let isCountExact = true;
  let from: Moment | null = null;
  let to: Moment | null = null;
  for await (const { scene, datetime } of scenes) {
    if (seen.has(scene)) continue;
    if (seen.size < maxScenes) seen.add(scene);
    else isCountExact = false;
    if (names.length < limit) names.push(scene);
    const moment = datetime === null ? null : momentOf(datetime);
    if (moment === null) continue;
    if (from === null || isBefore(moment, from)) from = moment;
    if (to === null || isBefore(to, moment)) to = moment;
  }
  const range = from === null || to === null ? null : { from: from.text, to: to.text };
  return { names, count: seen.size, isCountExact, range };
}

/** The range that the `datetime` of an item search names; null for none, and for one without beginning or end. */
export function searchedRange(datetime: string | null): TimeRange | null {
  const [first = '', last = first] = (datetime ?? '').split('/');
  const from = momentOf(first);
  const to = momentOf(last);
  return from === null || to === null ? null : { from: from.text, to: to.text };
}

interface Moment {
  readonly ms: number;
  readonly text: string;
}

/** Null for what is no time of RFC 3339. One in UTC keeps its digits. */
function momentOf(datetime: string): Moment | null {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.exec(datetime);
  const ms = match === null ? NaN : Date.parse(datetime.toUpperCase());
  if (Number.isNaN(ms)) return null;
  const isUtc = /^(z|[+-]00:00)$/i.test(match?.[2] ?? '');
  const text = isUtc ? `${datetime.slice(0, 10)}T${datetime.slice(11, 19)}${match?.[1] ?? ''}Z` : null;
  return { ms, text: text ?? new Date(ms).toISOString() };
}

/** Parts of a millisecond are told by their digits. */
function isBefore(a: Moment, b: Moment): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.text < b.text);
}
