/*
 * Lua scripts over the keys of a run. Each is one atomic step, so a worker that is killed between two steps leaves a
 * record that is right. All keys of a run share one hash tag.
 */

/** KEYS: record, list of runs. ARGV: run, field, value, … Creates the record unless it is there. → 1 = created */
export const CREATE_RUN = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('SADD', KEYS[2], ARGV[1])
return 1`;

/** KEYS: record, done bits, failed bits. ARGV: index. → 'todo', 'settled', or the state of a run that is not running */
export const CLAIM_METATILE = `
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'running' then return state or 'unknown' end
if redis.call('GETBIT', KEYS[2], ARGV[1]) == 1 or redis.call('GETBIT', KEYS[3], ARGV[1]) == 1 then return 'settled' end
return 'todo'`;

/**
 * KEYS: record, bits to set, bits of the other outcome, failures. ARGV: index, failures to keep at most, number of
 * counters, then counter, growth, …; then failure, text, … Counts a metatile only if neither of its bits was set: a
 * metatile that is rendered twice is counted once. → 1 = counted
 */
export const SETTLE_METATILE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('GETBIT', KEYS[3], ARGV[1]) == 1 then return 0 end
if redis.call('SETBIT', KEYS[2], ARGV[1], 1) == 1 then return 0 end
local counters = 3 + 2 * tonumber(ARGV[3])
for i = 4, counters, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = counters + 1, #ARGV, 2 do
  if redis.call('HLEN', KEYS[4]) >= tonumber(ARGV[2]) then break end
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
end
return 1`;

/** KEYS: record. ARGV: state to set, states that it may be in, … → 1 = changed */
export const CHANGE_STATE = `
local state = redis.call('HGET', KEYS[1], 'state')
for i = 2, #ARGV do
  if state == ARGV[i] then
    redis.call('HSET', KEYS[1], 'state', ARGV[1])
    return 1
  end
end
return 0`;

/** KEYS: record, done bits, failed bits, failures. ARGV: states that may be left, … Takes up a stopped run again. → 1 = changed */
export const REOPEN_RUN = `
local state = redis.call('HGET', KEYS[1], 'state')
for i = 1, #ARGV do
  if state == ARGV[i] then
    redis.call('HSET', KEYS[1], 'state', 'running')
    redis.call('HINCRBY', KEYS[1], 'opened', 1)
    redis.call('HDEL', KEYS[1], 'failed', 'failedRendered', 'failedEmpty')
    redis.call('DEL', KEYS[3], KEYS[4])
    redis.call('PERSIST', KEYS[1])
    redis.call('PERSIST', KEYS[2])
    return 1
  end
end
return 0`;
