import type { Queue } from 'bullmq';
import { STRETCH } from '../plan-jobs.ts';
import type { MetatilePayload } from './catalog.ts';
import type { RedisConnection } from './redis.ts';

/** How far behind the first job of the queue stretches are looked for, in indices: 32 processes find one each. */
const WINDOW = 512;

/** Stretches that may lie before the first job, which has changed places. */
const BEHIND = 8;

/** The next job is taken within a millisecond or two, as a rule. */
const SOON_MS = 20;

/** Runs of which is remembered where this process is. */
const MAX_RUNS = 16;

/**
 * KEYS: jobs that wait, those with a priority. ARGV: begin of the keys of jobs, begin of the keys of those about to be taken,
 * begin of the IDs of the run, index that is wanted, first index that is not, stretch, how many stretches before the first
 * job are looked for, window, milliseconds until jobs about to be taken are as others. The first place of the queue that
 * nobody is about to take goes to the wanted job, or if that is not there, to the first job of a stretch; the one that had
 * the place gets the other's. A place of another run is left as it is, so that the turns of runs stay. → the index that has
 * the place now; -1 = nothing was done
 */
const BRING_FORWARD = `
local list, set, jobs, taken, prefix = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local wanted, below = tonumber(ARGV[4]), tonumber(ARGV[5])
local stretch, behind, window = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
-- Jobs without a priority come first.
local isList = redis.call('LLEN', list) > 0
local function idAt(place)
  if isList then return redis.call('LINDEX', list, -1 - place) or nil end
  return redis.call('ZRANGE', set, place, place)[1]
end
local function indexOf(id)
  if id and id:sub(1, #prefix) == prefix then return tonumber(id:sub(#prefix + 1)) end
end
local function placeOf(id)
  if isList then return redis.call('LPOS', list, id, 'RANK', -1, 'MAXLEN', window) end
  return redis.call('ZSCORE', set, id)
end
local function exchange(first, second)
  local b = placeOf(second)
  if not b or redis.call('EXISTS', taken .. second) == 1 then return false end
  local a = placeOf(first)
  if isList then
    redis.call('LSET', list, a, second)
    redis.call('LSET', list, b, first)
    return true
  end
  local p, q = redis.call('HGET', jobs .. first, 'priority'), redis.call('HGET', jobs .. second, 'priority')
  if not p or not q then return false end
  redis.call('ZADD', set, b, first, a, second)
  if p ~= q then
    redis.call('HSET', jobs .. first, 'priority', q)
    redis.call('HSET', jobs .. second, 'priority', p)
  end
  return true
end
local function take(index)
  redis.call('SET', taken .. prefix .. string.format('%.0f', index), '', 'PX', ARGV[9])
  return index
end
local place = 0
local id = idAt(place)
while id and redis.call('EXISTS', taken .. id) == 1 do
  place = place + 1
  id = idAt(place)
end
local index = indexOf(id)
if not index then return -1 end
if index == wanted then return take(index) end
if wanted % stretch ~= 0 and wanted < below and exchange(id, prefix .. string.format('%.0f', wanted)) then
  return take(wanted)
end
if index % stretch == 0 then return take(index) end
local first = math.max(0, math.floor(index / stretch) - behind) * stretch
for at = first, math.min(below, index + window) - 1, stretch do
  if exchange(id, prefix .. string.format('%.0f', at)) then return take(at) end
end
return -1`;

/**
 * Lets a worker process go on where it is: metatiles beside each other are read from the same blocks, which one process
 * reads and decodes once. Before a process takes the next job of the queue, the metatile that follows its last one changes
 * places with the one that comes first. At the end of a stretch it begins another one, away from those of others, as long
 * as there is one. All of this is a hint: who comes in between takes what is first, and every job is taken once.
 */
export class Neighbours {
  /** By run, the one that was met last at the end: the index that was begun last, or is about to be. */
  private readonly begun = new Map<string, number>();
  private readonly redis: RedisConnection;
  private readonly queue: Pick<Queue<MetatilePayload>, 'toKey'>;
  private readonly soonMs: number;

  /** @param soonMs - how long a place that was brought forward is left to who did that */
  constructor(redis: RedisConnection, queue: Pick<Queue<MetatilePayload>, 'toKey'>, soonMs: number = SOON_MS) {
    this.redis = redis;
    this.queue = queue;
    this.soonMs = soonMs;
  }

  /** To be called with every metatile that is begun. */
  begin(run: string, index: number): void {
    this.begun.delete(run);
    this.begun.set(run, index);
    const [oldest] = this.begun.keys();
    if (this.begun.size > MAX_RUNS && oldest !== undefined) this.begun.delete(oldest);
  }

  /**
   * Brings forward what follows. To be called before the next job is taken.
   *
   * @param below - first index that is no neighbour: those of the next zoom
   * @throws Error if Redis does not answer
   */
  async bringForward(run: string, below: number): Promise<void> {
    const last = this.begun.get(run);
    if (last === undefined) return;
    const keys = ['wait', 'prioritized'].map((name) => this.queue.toKey(name));
    const begins = [this.queue.toKey(''), this.queue.toKey('brought-forward:'), `${run}-`];
    const args = [...begins, last + 1, below, STRETCH, BEHIND, WINDOW, this.soonMs];
    const index = await this.redis.eval(BRING_FORWARD, keys.length, ...keys, ...args);
    if (typeof index === 'number' && index >= 0) this.begin(run, index);
  }
}
