import * as z from 'zod';
import { s3Problems, S3_VARIABLES, toS3Config } from './config/s3-variables.ts';
import { choice, flag, NOTES, required, secret, text, whole } from './config/variables.ts';
import type { VariableNote } from './config/variables.ts';
import { didYouMean } from './did-you-mean.ts';
import { TilerError } from './errors.ts';

const MIB = 1024 * 1024;

/** Every variable that a process reads. What to render is never among them. AWS variables are the SDK's own. */
const EnvironmentSchema = z.strictObject({
  REDIS_URL: required(
    'redis://127.0.0.1:6379',
    /^rediss?:\/\/[^\s,/?#]+(\/\d*)?(,rediss?:\/\/[^\s,/?#]+(\/\d*)?)*$/,
    'redis: or rediss: URLs with commas between',
    'Redis or Valkey of the cluster engine; several nodes of a Redis Cluster, or several Sentinels',
  ),
  TILEWRIGHT_REDIS_MODE: choice(
    ['single', 'cluster', 'sentinel'],
    'single',
    'what answers at REDIS_URL: one server, a Redis Cluster, or Sentinels',
  ),
  TILEWRIGHT_REDIS_SENTINEL_NAME: required(
    'mymaster',
    /^[A-Za-z0-9_.-]+$/,
    'letters, digits, _ . -',
    'name of the primary that the Sentinels watch',
  ),
  TILEWRIGHT_REDIS_SENTINEL_AUTH: choice(
    ['same', 'none'],
    'same',
    'what the Sentinels ask for: user and password of REDIS_URL, as their primary does, or nothing',
  ),
  TILEWRIGHT_REDIS_CA_FILE: text(
    /\S/,
    'a file',
    'certificates (PEM) that a rediss: server is checked with; unset = those of the system',
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
  ...S3_VARIABLES,
  TILEWRIGHT_MAX_BLOCK_MIB: whole(64, 1, 4_096, 'largest COG block, decompressed'),
  TILEWRIGHT_METATILE_TIMEOUT_MS: whole(600_000, 1, 86_400_000, 'one execution of a metatile, search to last tile'),
  TILEWRIGHT_ATTEMPTS: whole(5, 1, 100, 'executions of a metatile before it counts as failed'),
  TILEWRIGHT_BACKOFF_MS: whole(1_000, 1, 600_000, 'wait before the second attempt; doubles with each further one'),
  TILEWRIGHT_WORKER_CONCURRENCY: whole(2, 1, 64, 'metatiles under way for each process: one reads while one renders'),
  TILEWRIGHT_LOCK_MS: whole(30_000, 1_000, 3_600_000, "how long a dead worker's job stays locked"),
  TILEWRIGHT_STALLED_INTERVAL_MS: whole(5_000, 500, 3_600_000, 'how often jobs of dead workers are looked for'),
  TILEWRIGHT_MAX_STALLED: whole(3, 1, 1_000, 'times a metatile may kill its process before it counts as failed'),
  TILEWRIGHT_QUEUE_PREFIX: required(
    'tilewright',
    /^[A-Za-z0-9_.-]+$/,
    'letters, digits, _ . -',
    'name before every Redis key; becomes the hash tag of a Redis Cluster',
  ),
  TILEWRIGHT_QUEUE_HIGH: whole(5_000, 10, 1_000_000, 'metatiles waiting in Redis above which a run adds no more'),
  TILEWRIGHT_HOT_METATILES: whole(64, 0, 1_000_000, 'a run of at most so many metatiles goes before larger ones'),
  TILEWRIGHT_MAX_RSS_MIB: whole(2_048, 128, 1_048_576, 'memory above which a process is replaced by a fresh one'),
  TILEWRIGHT_HANG_MS: whole(120_000, 1_000, 3_600_000, 'time without a sign of life after which a process is killed'),
  TILEWRIGHT_METRICS_LISTEN: text(
    /^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/,
    'HOST:PORT',
    'where a worker answers /metrics, /healthz and /readyz; unset = nowhere',
  ),
  TILEWRIGHT_OTEL: flag('spans of OpenTelemetry for every job, by the SDK that the process was started with'),
  TILEWRIGHT_DASHBOARD_TOKEN: secret(
    'token that the dashboard asks for; needed wherever it listens beyond this machine',
  ),
  TILEWRIGHT_EVENTS_TOKEN: secret('token that watch --listen asks for'),
  TILEWRIGHT_WEBHOOK_SECRET: secret('signs what watch --webhook sends: HMAC-SHA-256 in X-Tilewright-Signature'),
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
    redis: {
      urls: env.REDIS_URL.split(','),
      mode: env.TILEWRIGHT_REDIS_MODE,
      sentinelName: env.TILEWRIGHT_REDIS_SENTINEL_NAME,
      sentinelAuth: env.TILEWRIGHT_REDIS_SENTINEL_AUTH,
      caFile: env.TILEWRIGHT_REDIS_CA_FILE,
    },
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
    s3: toS3Config(env),
    limits: { maxBlockBytes: env.TILEWRIGHT_MAX_BLOCK_MIB * MIB },
    metatileTimeoutMs: env.TILEWRIGHT_METATILE_TIMEOUT_MS,
    retry: { attempts: env.TILEWRIGHT_ATTEMPTS, backoffMs: env.TILEWRIGHT_BACKOFF_MS },
    worker: {
      concurrency: env.TILEWRIGHT_WORKER_CONCURRENCY,
      lockMs: env.TILEWRIGHT_LOCK_MS,
      stalledIntervalMs: env.TILEWRIGHT_STALLED_INTERVAL_MS,
      maxStalled: env.TILEWRIGHT_MAX_STALLED,
    },
    queue: {
      prefix: env.TILEWRIGHT_QUEUE_PREFIX,
      high: env.TILEWRIGHT_QUEUE_HIGH,
      hotMetatiles: env.TILEWRIGHT_HOT_METATILES,
    },
    maxRssBytes: env.TILEWRIGHT_MAX_RSS_MIB * MIB,
    hangMs: env.TILEWRIGHT_HANG_MS,
    metricsListen: env.TILEWRIGHT_METRICS_LISTEN,
    otel: env.TILEWRIGHT_OTEL,
    dashboardToken: env.TILEWRIGHT_DASHBOARD_TOKEN,
    eventsToken: env.TILEWRIGHT_EVENTS_TOKEN,
    webhookSecret: env.TILEWRIGHT_WEBHOOK_SECRET,
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
    else if (/^TILEWRIGHT_(?!TEST_)/.test(name))
      problems.push(`${name}: no such variable${didYouMean(name, Object.keys(EnvironmentSchema.shape))}`);
  }
  const parsed = EnvironmentSchema.safeParse(ours);
  if (!parsed.success) {
    const faulty = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
    for (const name of faulty) {
      const found = /^TILEWRIGHT_.*_(TOKEN|SECRET)$/.test(name) ? '***' : redactValue(ours[name] ?? '');
      problems.push(`${name}: found '${found}', expected ${noteOf(name).expects}`);
    }
  }
  if (parsed.success) problems.push(...s3Problems(parsed.data));
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

/** The configuration as it may be logged: without the user and password of a URL, tokens and secrets. */
export function redactConfig(config: Config): Config {
  const secrets = ['dashboardToken', 'eventsToken', 'webhookSecret'] as const;
  const hidden = Object.fromEntries(secrets.map((name) => [name, config[name] === null ? null : '***']));
  return { ...config, redis: { ...config.redis, urls: config.redis.urls.map(redactValue) }, ...hidden };
}

/** A text without the user, the password and the query of a URL in it. */
export function redactValue(value: string): string {
  // A password in a Redis address may hold a '/' that should have been written %2F.
  const redis = value.replace(/(rediss?:\/\/)[^,\s]*@/g, '$1***@');
  return redis.replace(/\/\/[^/\s]*@/g, '//***@').replace(/\?\S*/g, '?***');
}

function noteOf(variable: string): VariableNote {
  const schema = EnvironmentSchema.shape[variable as keyof typeof EnvironmentSchema.shape];
  const note = NOTES.get(schema);
  if (note === undefined) throw new Error(`The variable ${variable} has no note`);
  return note;
}
