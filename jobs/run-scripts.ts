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
 * KEYS: record, bits to set, bits of the other outcome, failures, left out, their order. ARGV: index, failures to keep
 * at most, left-out lines to keep at most, number of counters, number of failures, then counter, growth, …; failure,
 * text, …; left-out line, tiles, message, … Counts a metatile only if neither of its bits was set: a metatile that is
 * rendered twice is counted once. Of the left-out lines those stay that come first, and of their messages the first one,
 * so that the order of the metatiles changes nothing. → 1 = counted
 */
export const SETTLE_METATILE = `
-- By bytes: Lua's own comparison follows the locale of the server.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end
  end
  return #a < #b
end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('GETBIT', KEYS[3], ARGV[1]) == 1 then return 0 end
if redis.call('SETBIT', KEYS[2], ARGV[1], 1) == 1 then return 0 end
local counters = 5 + 2 * tonumber(ARGV[4])
local failures = counters + 2 * tonumber(ARGV[5])
for i = 6, counters, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = counters + 1, failures, 2 do
  if redis.call('HLEN', KEYS[4]) >= tonumber(ARGV[2]) then break end
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
end
for i = failures + 1, #ARGV, 3 do
  local line, message = ARGV[i], ARGV[i + 2]
  local known = redis.call('HGET', KEYS[5], 'message ' .. line)
  redis.call('ZADD', KEYS[6], 0, line)
  redis.call('HINCRBY', KEYS[5], 'tiles ' .. line, ARGV[i + 1])
  if not known or before(message, known) then redis.call('HSET', KEYS[5], 'message ' .. line, message) end
  if redis.call('ZCARD', KEYS[6]) > tonumber(ARGV[3]) then
    local last = redis.call('ZPOPMAX', KEYS[6])[1]
    redis.call('HDEL', KEYS[5], 'tiles ' .. last, 'message ' .. last)
  end
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

/**
 * KEYS: record, done bits, failed bits, failures, left out and its order of failed metatiles, the same of done ones. ARGV: states that may be left, … Takes up a stopped run again. → 1 = changed
 */
export const REOPEN_RUN = `
local state = redis.call('HGET', KEYS[1], 'state')
for i = 1, #ARGV do
  if state == ARGV[i] then
    redis.call('HSET', KEYS[1], 'state', 'running')
    redis.call('HINCRBY', KEYS[1], 'opened', 1)
    redis.call('HDEL', KEYS[1], 'failed', 'failedRendered', 'failedEmpty', 'failedIncomplete')
    redis.call('DEL', KEYS[3], KEYS[4], KEYS[5], KEYS[6])
    for _, kept in ipairs({ KEYS[1], KEYS[2], KEYS[7], KEYS[8] }) do redis.call('PERSIST', kept) end
    return 1
  end
end
return 0`;
