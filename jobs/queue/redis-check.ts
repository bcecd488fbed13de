import { Cluster } from 'ioredis';
import { keyPrefix } from './catalog.ts';
import { describeRedisFault } from './redis-faults.ts';
import type { RedisConnection, RedisSettings } from './redis-options.ts';

/**
 * Every command that is sent, by BullMQ's queues and by the records of runs: what a user of Redis must be allowed. All
 * but the first line have keys, and all keys begin with the prefix.
 */
export const REDIS_COMMANDS: readonly string[] = `
  client|setname exec info multi ping publish subscribe time
  bitcount bzpopmin del eval evalsha exists expire get getbit getrange hdel
  hexists hget hgetall hincrby hlen hmget hmset hset hvals incr lindex llen
  lpop lpos lpush lrange lrem lset ltrim persist pexpire pttl rename rpop
  rpoplpush rpush sadd scard set setbit sismember smembers srem xadd xtrim
  zadd zcard zcount zpopmax zpopmin zrange zrangebyscore zrem zremrangebyrank
  zremrangebyscore zrevrange zrevrangebyscore zscore
`
  .trim()
  .split(/\s+/);

/** What nodes of a Redis Cluster are asked besides. */
const CLUSTER_COMMANDS = ['cluster|info', 'cluster|slots'];

/** `SET` with `GET`, of which the records of runs make use, came with it. */
const LEAST_VERSION = [6, 2] as const;

/** Keys, channels and commands of the least powerful user that will do, as `ACL SETUSER` takes them. */
export function leastRights(prefix: string, mode: RedisSettings['mode']): string {
  const commands = mode === 'cluster' ? [...REDIS_COMMANDS, ...CLUSTER_COMMANDS] : REDIS_COMMANDS;
  return [`~${keyPrefix(prefix)}:*`, `&${keyPrefix(prefix)}:*`, ...commands.map((command) => `+${command}`)].join(' ');
}

/** What was found about a server. */
export interface RedisFindings {
  /** It cannot be used. */
  readonly problems: readonly string[];
  /** It can, and something may be lost. */
  readonly warnings: readonly string[];
}

/**
 * Looks whether a server, or every primary of a cluster, is one that runs can be trusted to: its version, what it does
 * when its memory is full, and whether the user has the rights that are needed. What a server does not tell is taken as
 * good.
 *
 * @throws Error if the connection is lost meanwhile
 */
export async function inspectRedis(
  redis: RedisConnection,
  mode: RedisSettings['mode'],
  prefix: string,
): Promise<RedisFindings> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
  const findings = await Promise.all(
    nodes.map(async (node) => {
      const info = await node.info().catch(tellForbidden);
      return info === null ? NOTHING : inspectInfo(info, mode);
    }),
  );
  const faulty = findings.flatMap(({ problems }) => problems);
  // Rights are asked for by a script with keys, which not every node of a cluster takes.
  const rights = faulty.length > 0 ? [] : await missingRights(redis, mode, prefix);
  // Nodes of one cluster are alike.
  return {
    problems: [...new Set([...faulty, ...rights])],
    warnings: [...new Set(findings.flatMap(({ warnings }) => warnings))],
  };
}

const NOTHING: RedisFindings = { problems: [], warnings: [] };

/** What the text of `INFO` says about a server. */
export function inspectInfo(info: string, mode: RedisSettings['mode']): RedisFindings {
  const fields = new Map(info.split(/\r?\n/).map((line) => splitOnce(line)));
  const problems: string[] = [];
  const version = fields.get('redis_version') ?? '';
  if (isOlder(version)) problems.push(`found version ${version}, expected ${LEAST_VERSION.join('.')} or newer`);
  const found = fields.get('redis_mode') ?? 'standalone';
  // A server found by Sentinels, or by a cluster's node, has the mode that it was looked for.
  if (mode === 'single' && found !== 'standalone') {
    const what = found === 'sentinel' ? 'a Sentinel' : 'a node of a Redis Cluster';
    problems.push(`found ${what}, expected a single server, or TILEWRIGHT_REDIS_MODE=${found}`);
  }
  const policy = fields.get('maxmemory_policy') ?? 'noeviction';
  const warnings =
    policy === 'noeviction'
      ? []
      : [`Redis has maxmemory-policy ${policy}: when its memory is full it drops runs and their jobs; set noeviction`];
  return { problems, warnings };
}

/*
 * KEYS: one of the prefix. ARGV: commands. → those that the user may not send. A server before Redis 7 cannot be asked,
 * and commands that it does not know are not asked for.
 */
const MISSING_COMMANDS = `
local missing = {}
if redis.acl_check_cmd then
  for _, command in ipairs(ARGV) do
    local known, allowed = pcall(redis.acl_check_cmd, command, KEYS[1])
    if known and not allowed then table.insert(missing, command) end
  end
end
return missing`;

async function missingRights(
  redis: RedisConnection,
  mode: RedisSettings['mode'],
  prefix: string,
): Promise<readonly string[]> {
  const needed = `the user needs: ${leastRights(prefix, mode)}`;
  // Those of the first line have no key; 'eval' and 'evalsha' have theirs behind others, and are proven by this one.
  const asked = REDIS_COMMANDS.filter((command) => !/^(eval|evalsha)$/.test(command));
  try {
    const missing = (await redis.eval(MISSING_COMMANDS, 1, `${keyPrefix(prefix)}:rights`, ...asked)) as string[];
    return missing.length === 0 ? [] : [`the user may not send ${missing.join(', ')} (NOPERM); ${needed}`];
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return [`${describeRedisFault(error)}; ${needed}`];
  }
}

/** Null for a refusal, which the rights tell about. */
function tellForbidden(error: unknown): null {
  if (isForbidden(error)) return null;
  throw error;
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOPERM');
}

function isOlder(version: string): boolean {
  const found = /^(\d+)\.(\d+)/.exec(version);
  if (found === null) return false;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  return major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
}

function splitOnce(line: string): readonly [string, string] {
  const at = line.indexOf(':');
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
