import * as z from 'zod';
import { TilerError } from './errors.ts';

const MIB = 1024 * 1024;

interface VariableNote {
  readonly description: string;
  readonly expects: string;
  /** As a user would write it; empty = unset. */
  readonly fallback: string;
}

const NOTES = z.registry<VariableNote>();

function whole(fallback: number, min: number, max: number, description: string) {
  const inRange = (value: number): boolean => value >= min && value <= max;
  const expects = `a whole number from ${min} to ${max}`;
  const schema = z.string().regex(/^\d+$/).transform(Number).refine(inRange).default(fallback);
  return schema.register(NOTES, { description, expects, fallback: String(fallback) });
}

function choice<const T extends readonly [string, ...string[]]>(options: T, fallback: T[number], description: string) {
  const schema = z.enum(options).default(() => fallback);
  return schema.register(NOTES, { description, expects: `one of ${options.join(', ')}`, fallback });
}

function text(pattern: RegExp, expects: string, description: string) {
  const schema = z
    .string()
    .regex(pattern)
    .nullable()
    .default(() => null);
  return schema.register(NOTES, { description, expects, fallback: '' });
}

function required(fallback: string, pattern: RegExp, expects: string, description: string) {
  const schema = z.string().regex(pattern).default(fallback);
  return schema.register(NOTES, { description, expects, fallback });
}

function flag(description: string) {
  const schema = z
    .enum(['0', '1', 'false', 'true'])
    .transform((value) => value === '1' || value === 'true')
    .default(false);
  return schema.register(NOTES, { description, expects: '0 or 1', fallback: '0' });
}

/** Every variable that a process reads. What to render is never among them. AWS variables are the SDK's own. */
const EnvironmentSchema = z.strictObject({
  REDIS_URL: required(
    'redis://127.0.0.1:6379',
    /^rediss?:\/\/\S+$/,
    'a redis: or rediss: URL',
    'Redis of the cluster engine',
  ),
  TILEWRIGHT_LOG_LEVEL: choice(['debug', 'info', 'warn', 'error', 'silent'], 'info', 'least level that is logged'),
  TILEWRIGHT_BLOCK_CACHE_MIB: whole(128, 1, 65_536, 'decoded COG blocks kept, for each process'),
  TILEWRIGHT_OPEN_COGS: whole(128, 1, 10_000, 'open COGs kept, for each process'),
  TILEWRIGHT_SOURCE_TIMEOUT_MS: whole(30_000, 1, 3_600_000, 'one range request'),
  TILEWRIGHT_SOURCE_RETRIES: whole(3, 0, 20, 'range requests repeated after a passing fault'),
  TILEWRIGHT_SOURCE_CONCURRENCY: whole(8, 1, 256, 'range requests under way for each host'),
  TILEWRIGHT_FILE_ROOT: text(/\S/, 'a folder', 'folder beneath which assets may be files; unset = no file is read'),
  TILEWRIGHT_ALLOWED_HOSTS: text(
    /^[A-Za-z0-9.,:[\]_-]+$/,
    'host names with commas between',
    'hosts that assets may come from, a leading dot for all names below; unset = any that is not link-local',
  ),
  TILEWRIGHT_STAC_TIMEOUT_MS: whole(60_000, 1, 3_600_000, 'one page of a STAC search'),
  TILEWRIGHT_STAC_RETRIES: whole(3, 0, 20, 'search pages repeated after a passing fault'),
  TILEWRIGHT_STAC_CONCURRENCY: whole(4, 1, 256, 'searches under way for each host'),
  TILEWRIGHT_STORE_CONCURRENCY: whole(16, 1, 256, 'tiles being written, for each process'),
  TILEWRIGHT_S3_FORCE_PATH_STYLE: flag('bucket in the path instead of in the host name, for S3-compatible stores'),
  TILEWRIGHT_S3_CACHE_CONTROL: required(
    'public, max-age=3600',
    /^[\x20-\x7e]+$/,
    'a Cache-Control header',
    'header of tiles written to S3',
  ),
  TILEWRIGHT_MAX_BLOCK_MIB: whole(64, 1, 4_096, 'largest COG block, decompressed'),
  TILEWRIGHT_METATILE_TIMEOUT_MS: whole(600_000, 1, 86_400_000, 'one execution of a metatile, search to last tile'),
  TILEWRIGHT_ATTEMPTS: whole(5, 1, 100, 'executions of a metatile before it counts as failed'),
  TILEWRIGHT_BACKOFF_MS: whole(1_000, 1, 600_000, 'wait before the second attempt; doubles with each further one'),
  TILEWRIGHT_WORKER_CONCURRENCY: whole(2, 1, 64, 'metatiles under way for each process: one reads while one renders'),
  TILEWRIGHT_LOCK_MS: whole(30_000, 1_000, 3_600_000, "how long a dead worker's job stays locked"),
  TILEWRIGHT_STALLED_INTERVAL_MS: whole(15_000, 500, 3_600_000, 'how often jobs of dead workers are looked for'),
  TILEWRIGHT_MAX_STALLED: whole(3, 1, 1_000, 'times a metatile may kill its process before it counts as failed'),
  TILEWRIGHT_QUEUE_PREFIX: required(
    'tilewright',
    /^[A-Za-z0-9_.-]+$/,
    'letters, digits, _ . -',
    'name before every Redis key; becomes the hash tag of a Redis Cluster',
  ),
  TILEWRIGHT_QUEUE_HIGH: whole(5_000, 10, 1_000_000, 'metatiles waiting in Redis above which a run adds no more'),
  TILEWRIGHT_SHUTDOWN_GRACE_MS: whole(20_000, 0, 3_600_000, 'time for work under way to end after SIGTERM or SIGINT'),
  TILEWRIGHT_STATE_DIR: required(
    '.tilewright',
    /\S/,
    'a folder',
    'journals of local runs whose output is not a folder',
  ),
});

/** Everything a process is told from outside, checked. It never changes a pixel. Times in ms, sizes in bytes. */
export type Config = Readonly<ReturnType<typeof toConfig>>;

/** Variable name to text, as `process.env` is. */
export type Environment = Readonly<Record<string, string | undefined>>;

function toConfig(env: z.output<typeof EnvironmentSchema>) {
  return {
    redisUrl: env.REDIS_URL,
    logLevel: env.TILEWRIGHT_LOG_LEVEL,
    blockCacheBytes: env.TILEWRIGHT_BLOCK_CACHE_MIB * MIB,
    openCogs: env.TILEWRIGHT_OPEN_COGS,
    source: {
      timeoutMs: env.TILEWRIGHT_SOURCE_TIMEOUT_MS,
      retries: env.TILEWRIGHT_SOURCE_RETRIES,
      concurrencyPerHost: env.TILEWRIGHT_SOURCE_CONCURRENCY,
      fileRoot: env.TILEWRIGHT_FILE_ROOT,
      allowedHosts: env.TILEWRIGHT_ALLOWED_HOSTS?.split(',').filter((host) => host !== '') ?? null,
    },
    stac: {
      timeoutMs: env.TILEWRIGHT_STAC_TIMEOUT_MS,
      retries: env.TILEWRIGHT_STAC_RETRIES,
      concurrencyPerHost: env.TILEWRIGHT_STAC_CONCURRENCY,
    },
    store: { concurrency: env.TILEWRIGHT_STORE_CONCURRENCY },
    s3: { forcePathStyle: env.TILEWRIGHT_S3_FORCE_PATH_STYLE, cacheControl: env.TILEWRIGHT_S3_CACHE_CONTROL },
    limits: { maxBlockBytes: env.TILEWRIGHT_MAX_BLOCK_MIB * MIB },
    metatileTimeoutMs: env.TILEWRIGHT_METATILE_TIMEOUT_MS,
    retry: { attempts: env.TILEWRIGHT_ATTEMPTS, backoffMs: env.TILEWRIGHT_BACKOFF_MS },
    worker: {
      concurrency: env.TILEWRIGHT_WORKER_CONCURRENCY,
      lockMs: env.TILEWRIGHT_LOCK_MS,
      stalledIntervalMs: env.TILEWRIGHT_STALLED_INTERVAL_MS,
      maxStalled: env.TILEWRIGHT_MAX_STALLED,
    },
    queue: { prefix: env.TILEWRIGHT_QUEUE_PREFIX, high: env.TILEWRIGHT_QUEUE_HIGH },
    shutdownGraceMs: env.TILEWRIGHT_SHUTDOWN_GRACE_MS,
    stateDir: env.TILEWRIGHT_STATE_DIR,
  };
}

/**
 * Checks the environment of a process. An empty value counts as unset. Variables that are neither `REDIS_URL` nor start
 * with `TILEWRIGHT_` are not looked at.
 *
 * @throws TilerError `CONFIG_INVALID`: one error with every problem in it
 */
export function parseConfig(env: Environment): Config {
  const ours: Record<string, string> = {};
  const problems: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value === '') continue;
    if (name in EnvironmentSchema.shape) ours[name] = value;
    // TILEWRIGHT_TEST_ is the test suite's, which starts processes with its own environment.
    else if (/^TILEWRIGHT_(?!TEST_)/.test(name)) problems.push(`${name}: no such variable${suggestion(name)}`);
  }
  const parsed = EnvironmentSchema.safeParse(ours);
  if (!parsed.success) {
    const faulty = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
    for (const name of faulty) {
      problems.push(`${name}: found '${redactValue(ours[name] ?? '')}', expected ${noteOf(name).expects}`);
    }
  }
  if (problems.length > 0 || !parsed.success) {
    throw new TilerError('CONFIG_INVALID', `Reading the environment: ${problems.join('; ')}`);
  }
  return toConfig(parsed.data);
}

/** One row of the README's table of variables. */
export interface ConfigVariable extends VariableNote {
  readonly variable: string;
}

/** Every variable with its default, what it expects and what it does, in the order of the README's table. */
export function describeConfig(): readonly ConfigVariable[] {
  return Object.keys(EnvironmentSchema.shape).map((variable) => ({ variable, ...noteOf(variable) }));
}

/** The configuration as it may be logged: without the user and password of a URL. */
export function redactConfig(config: Config): Config {
  return { ...config, redisUrl: redactValue(config.redisUrl) };
}

/** A text without the user, the password and the query of a URL in it. */
export function redactValue(value: string): string {
  return value.replace(/\/\/[^/\s]*@/g, '//***@').replace(/\?\S*/g, '?***');
}

function noteOf(variable: string): VariableNote {
  const schema = EnvironmentSchema.shape[variable as keyof typeof EnvironmentSchema.shape];
  const note = NOTES.get(schema);
  if (note === undefined) throw new Error(`The variable ${variable} has no note`);
  return note;
}

function suggestion(name: string): string {
  const ranked = Object.keys(EnvironmentSchema.shape)
    .map((known) => ({ known, distance: editDistance(name, known) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= 6 ? `; did you mean ${best.known}?` : '';
}

/** Levenshtein distance: fewest insertions, deletions and replacements of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
