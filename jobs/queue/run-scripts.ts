/*
 * Lua scripts over the keys of a run. Each is one atomic step, so a worker that is killed between two steps leaves a
 * record that is right. All keys of a run share one hash tag. Times are those of Redis, since clocks of machines differ.
 * RUN stands for the keys of a run: 1 record, 2 done bits, 3 failed bits, 4 failures, 5 and 6 left out by failed metatiles
 * and its order, 7 failures by code, 8 samples, 9 and 10 left out by done metatiles and its order.
 */

/** Milliseconds since 1970, as a text without exponent. */
const NOW = `
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))`;

/** KEYS: one of the node. → the time of Redis in milliseconds since 1970 */
export const TIME = `${NOW}
return now`;

/** KEYS: record, all runs, open runs. ARGV: run, field, value, … Creates the record unless it is there. → 1 = created */
export const CREATE_RUN = `${NOW}
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('HSET', KEYS[1], 'startedAt', now, 'updatedAt', now)
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[1])
return 1`;

/** KEYS: record. ARGV: field, text. Notes it unless the record is gone. → 1 = noted */
export const NOTE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/**
 * KEYS: record, done bits, failed bits. ARGV: index. → 'todo', 'settled', 'unknown' = no such run, 'outside' = no such index,
 * or the state of a run that is not running; one whose failure budget is used up counts as failed
 */
export const CLAIM_METATILE = `
local record = redis.call('HMGET', KEYS[1], 'state', 'indexCount', 'spent')
if not record[1] then return 'unknown' end
if tonumber(ARGV[1]) >= tonumber(record[2]) then return 'outside' end
if record[1] ~= 'running' then return record[1] end
if record[3] then return 'failed' end
if redis.call('GETBIT', KEYS[2], ARGV[1]) == 1 or redis.call('GETBIT', KEYS[3], ARGV[1]) == 1 then return 'settled' end
return 'todo'`;

/**
 * KEYS: record, bits to set, bits of the other outcome, failures, left out, their order, failures by code. ARGV: index,
 * failures to keep at most, left-out lines to keep at most, number of counters, of failures, of codes, then counter,
 * growth, …; failure, text, …; code, growth, …; left-out line, tiles, message, … Counts a metatile only if neither of its
 * bits was set: a metatile that is rendered twice is counted once. Of the left-out lines those stay that come first, and
 * of their messages the first one, so that the order of the metatiles changes nothing. → 0 = was settled before, 1 = counted,
 * 2 = counted, and there is nothing more to wait for: all are settled, or the failure budget is used up
 */
export const SETTLE_METATILE = `${NOW}
-- By bytes: Lua's own comparison follows the locale of the server.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end
  end
  return #a < #b
end
local indices = redis.call('HGET', KEYS[1], 'indexCount')
if not indices or tonumber(ARGV[1]) >= tonumber(indices) then return 0 end
if redis.call('GETBIT', KEYS[3], ARGV[1]) == 1 then return 0 end
if redis.call('SETBIT', KEYS[2], ARGV[1], 1) == 1 then return 0 end
local counters = 6 + 2 * tonumber(ARGV[4])
local failures = counters + 2 * tonumber(ARGV[5])
local codes = failures + 2 * tonumber(ARGV[6])
for i = 7, counters, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = counters + 1, failures, 2 do
  if redis.call('HLEN', KEYS[4]) >= tonumber(ARGV[2]) then break end
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
end
for i = failures + 1, codes, 2 do redis.call('HINCRBY', KEYS[7], ARGV[i], ARGV[i + 1]) end
for i = codes + 1, #ARGV, 3 do
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
redis.call('HSET', KEYS[1], 'updatedAt', now)
local record = redis.call('HMGET', KEYS[1], 'failuresAllowed', 'failed', 'metatiles', 'doneMetatiles', 'failedMetatiles')
if record[1] and tonumber(record[2] or '0') > tonumber(record[1]) then
  redis.call('HSET', KEYS[1], 'spent', 1)
  return 2
end
if tonumber(record[4] or '0') + tonumber(record[5] or '0') >= tonumber(record[3]) then return 2 end
return 1`;

/**
 * KEYS: RUN, open runs. ARGV: run, state to set, seconds that an ended run is kept, states that may be left, … From paused
 * to running it is opened once more. → 1 = changed
 */
export const CHANGE_STATE = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
for i = 4, #ARGV do
  if state == ARGV[i] then
    redis.call('HSET', KEYS[1], 'state', ARGV[2], 'updatedAt', now)
    if ARGV[2] == 'running' then
      redis.call('HINCRBY', KEYS[1], 'opened', 1)
      redis.call('DEL', KEYS[8])
      redis.call('SADD', KEYS[11], ARGV[1])
    else
      redis.call('SREM', KEYS[11], ARGV[1])
    end
    if ARGV[2] ~= 'running' and ARGV[2] ~= 'paused' then
      redis.call('HSET', KEYS[1], 'endedAt', now)
      for key = 1, 10 do redis.call('EXPIRE', KEYS[key], ARGV[3]) end
    end
    return 1
  end
end
return 0`;

/** KEYS: RUN, open runs. ARGV: run, states that may be left, … Takes up a stopped run again. → 1 = changed */
export const REOPEN_RUN = `${NOW}
local state = redis.call('HGET', KEYS[1], 'state')
for i = 2, #ARGV do
  if state == ARGV[i] then
    redis.call('HSET', KEYS[1], 'state', 'running', 'updatedAt', now)
    redis.call('HINCRBY', KEYS[1], 'opened', 1)
    redis.call('HDEL', KEYS[1], 'failed', 'failedRendered', 'failedEmpty', 'failedIncomplete', 'failedMetatiles', 'spent', 'reason', 'endedAt')
    redis.call('DEL', KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
    for _, kept in ipairs({ KEYS[1], KEYS[2], KEYS[9], KEYS[10] }) do redis.call('PERSIST', kept) end
    redis.call('SADD', KEYS[11], ARGV[1])
    return 1
  end
end
return 0`;

/** KEYS: record, done bits, failed bits. Sets the counts of metatiles to what the bits say, which are the truth. */
export const RECOUNT_RUN = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'doneMetatiles', redis.call('BITCOUNT', KEYS[2]), 'failedMetatiles', redis.call('BITCOUNT', KEYS[3]))
return 1`;

/** KEYS: record, samples. ARGV: samples to keep. Notes how many tiles are settled now. */
export const SAMPLE_RUN = `${NOW}
if redis.call('HGET', KEYS[1], 'state') ~= 'running' then return 0 end
local settled = 0
for _, count in ipairs(redis.call('HMGET', KEYS[1], 'rendered', 'empty', 'failed', 'failedRendered', 'failedEmpty')) do
  settled = settled + tonumber(count or '0')
end
redis.call('RPUSH', KEYS[2], now .. ' ' .. string.format('%.0f', settled))
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[1]), -1)
return 1`;

/**
 * KEYS: record. ARGV: failures allowed or '' = no limit, budget as given, '1' = hot. Changes how a run is treated. A
 * budget that is larger than what failed is no longer used up.
 */
export const CONFIGURE_RUN = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'failuresAllowed', ARGV[1], 'maxFailures', ARGV[2])
  local failed = tonumber(redis.call('HGET', KEYS[1], 'failed') or '0')
  if failed > tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'spent', 1) else redis.call('HDEL', KEYS[1], 'spent') end
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'hot', ARGV[3]) end
return 1`;

/**
 * KEYS: runs that add metatiles, tick. ARGV: run, milliseconds after which a run no longer counts. → how many there are,
 * this one counted, and the tick
 */
export const SHARE_QUEUE = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))
redis.call('ZADD', KEYS[1], now, ARGV[1])
return { redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or '0') }`;

/**
 * KEYS: RUN, open runs, all runs, output. ARGV: run, least age of its last change in milliseconds, or '' = remove it
 * whatever its state and age; otherwise only if it ended. → 1 = removed
 */
export const REMOVE_RUN = `${NOW}
if ARGV[2] ~= '' then
  local record = redis.call('HMGET', KEYS[1], 'state', 'updatedAt')
  if record[1] ~= 'complete' and record[1] ~= 'failed' and record[1] ~= 'cancelled' then return 0 end
  if now - (record[2] or 0) < tonumber(ARGV[2]) then return 0 end
end
for key = 1, 10 do redis.call('DEL', KEYS[key]) end
redis.call('SREM', KEYS[11], ARGV[1])
redis.call('SREM', KEYS[12], ARGV[1])
if redis.call('GET', KEYS[13]) == ARGV[1] then redis.call('DEL', KEYS[13]) end
return 1`;
