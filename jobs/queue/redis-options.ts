import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { redactValue } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { PatientSentinelConnector } from './patient-sentinel-connector.ts';

/** A connection to one server (also one found by Sentinels), or to a Redis Cluster. */
export type RedisConnection = Redis | Cluster;

/** Where Redis is: `config.redis`. */
export type RedisSettings = Config['redis'];

export interface RetryOptions {
  /** Milliseconds until the next try to connect, or null to give up. */
  readonly retryWaitMs: (times: number) => number | null;
  /**
   * True to connect when told to. Copies that BullMQ's workers make are told once only, and their worker would be lost
   * if that failed: they need false.
   */
  readonly lazyConnect: boolean;
}

/** `replyMapping` is left at what both ioredis and BullMQ expect. */
type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * While another node of a cluster takes over the slots of a dead one, or a dead one starts again, a command is sent again.
 * Each 500 ms take two of these: a node that is alive points to the dead one, which does not answer. So a command waits for
 * some minutes; a node counts as dead after 15 s by default.
 */
const CLUSTER_RESENDS = 1_000;
const CLUSTER_RESEND_MS = 500;
const CLUSTER_SLOTS_TIMEOUT_MS = 5_000;

/** How soon commands leave a node that hangs, and closes no connection, once another has its slots. */
const CLUSTER_SLOTS_REFRESH_MS = 5_000;

/** The addresses as they may be shown: without user and password. */
export function shownAddress({ urls }: Pick<RedisSettings, 'urls'>): string {
  return urls.map(redactValue).join(',');
}

/**
 * Creates a connection for the configured mode. It waits for a Redis that is away as long as
 * `retryWaitMs` says; commands wait with it, as the workers of BullMQ need it.
 *
 * The user and password are those of the first URL. With Sentinels, they are the primary's, and the Sentinels' too
 * unless `sentinelAuth` is `none`. A `rediss:` URL means TLS everywhere: to the Sentinels, the primary, every node.
 *
 * @throws TilerError `CONFIG_INVALID`
 */
export function createRedis(settings: RedisSettings, retry: RetryOptions): RedisConnection {
  const addresses = settings.urls.map((url) => parseAddress(url));
  const [first] = addresses;
  if (first === undefined) throw invalid('found none', 'at least one');
  if (addresses.some(({ url }) => url.protocol !== first.url.protocol)) {
    throw invalid(shownAddress(settings), 'redis: or rediss: for all of them');
  }
  const { username, password, db } = first;
  const common: ClientOptions = {
    ...(password === '' ? {} : { password }),
    ...(username === '' ? {} : { username }),
    ...(first.url.protocol === 'rediss:' ? { tls: tlsOptions(settings.caFile) } : {}),
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: null,
    // An ACL that holds only what is needed would log each of these as a breach.
    disableClientInfo: true,
  };
  if (settings.mode === 'cluster') {
    if (db !== 0) throw invalid(shownAddress(settings), 'no database number with TILEWRIGHT_REDIS_MODE=cluster');
    return createCluster(addresses, common, retry);
  }
  const one: ClientOptions = {
    ...common,
    db,
    lazyConnect: retry.lazyConnect,
    retryStrategy: retry.retryWaitMs,
    // After a failover behind one name, the old primary refuses writes: connect again and send the command once more.
    reconnectOnError: (error) => (error.message.includes('READONLY ') ? 2 : false),
  };
  if (settings.mode === 'sentinel') return new Redis(sentinelOptions(settings, addresses, one, retry));
  if (addresses.length > 1) {
    throw invalid(`${addresses.length} addresses`, 'one, or TILEWRIGHT_REDIS_MODE=cluster or sentinel');
  }
  return new Redis({ ...one, host: first.host, port: first.port ?? 6379 });
}

interface RedisAddress {
  readonly url: URL;
  readonly host: string;
  readonly port: number | null;
  readonly username: string;
  readonly password: string;
  readonly db: number;
}

function parseAddress(text: string): RedisAddress {
  try {
    const url = new URL(text);
    return {
      url,
      // Node wants an IPv6 address without its brackets.
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? null : Number(url.port),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      db: Number(url.pathname.slice(1)),
    };
  } catch {
    // Without the cause, which has the text with the password in it.
    throw invalid(redactValue(text), 'redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], special characters as %XX');
  }
}

function createCluster(
  nodes: readonly RedisAddress[],
  redisOptions: ClientOptions,
  { retryWaitMs, lazyConnect }: RetryOptions,
): Cluster {
  return new Cluster(
    nodes.map(({ host, port }) => ({ host, port: port ?? 6379 })),
    {
      redisOptions,
      lazyConnect,
      // What BullMQ's workers await when they connect again, the promise of `connect`, is never settled if this check
      // finds a cluster that lacks slots: their worker would take no job any more. Commands wait for slots anyway.
      enableReadyCheck: lazyConnect,
      // A replica may be behind: a metatile that was settled would look as if it were not.
      scaleReads: 'master',
      clusterRetryStrategy: retryWaitMs,
      maxRedirections: CLUSTER_RESENDS,
      retryDelayOnFailover: CLUSTER_RESEND_MS,
      retryDelayOnClusterDown: CLUSTER_RESEND_MS,
      slotsRefreshTimeout: CLUSTER_SLOTS_TIMEOUT_MS,
      slotsRefreshInterval: CLUSTER_SLOTS_REFRESH_MS,
      // Names stay names, since certificates are for names.
      dnsLookup: (address, callback) => callback(null, address),
    },
  );
}

function sentinelOptions(
  { sentinelName, sentinelAuth }: RedisSettings,
  sentinels: readonly RedisAddress[],
  one: ClientOptions,
  { retryWaitMs }: RetryOptions,
): ClientOptions {
  const { username, password, tls } = one;
  return {
    ...one,
    name: sentinelName,
    sentinels: sentinels.map(({ host, port }) => ({ host, port: port ?? 26_379 })),
    sentinelRetryStrategy: retryWaitMs,
    Connector: PatientSentinelConnector,
    // A primary that hangs keeps its connections: the Sentinels say when another one has taken over.
    failoverDetector: true,
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    ...(sentinelAuth === 'none' || password === undefined ? {} : { sentinelPassword: password }),
    ...(sentinelAuth === 'none' || username === undefined ? {} : { sentinelUsername: username }),
  };
}

function tlsOptions(caFile: string | null): ConnectionOptions {
  if (caFile === null) return {};
  try {
    return { ca: readFileSync(caFile) };
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new TilerError('CONFIG_INVALID', `Reading TILEWRIGHT_REDIS_CA_FILE: ${found}`, { cause });
  }
}

function invalid(found: string, expected: string): TilerError {
  return new TilerError('CONFIG_INVALID', `Reading REDIS_URL: found ${found}, expected ${expected}`);
}
