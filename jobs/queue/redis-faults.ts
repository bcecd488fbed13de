/** A pattern of what Redis, Node or ioredis says, and what it means to whoever set REDIS_URL. */
interface KnownFault {
  readonly pattern: RegExp;
  readonly meaning: string;
  /** True if trying again cannot help. */
  readonly lasts: boolean;
}

const KNOWN_FAULTS: readonly KnownFault[] = [
  { pattern: /WRONGPASS|invalid password/, meaning: 'the user or the password is wrong', lasts: true },
  { pattern: /NOAUTH/, meaning: 'it asks for a password, and REDIS_URL has none', lasts: true },
  { pattern: /NOPERM/, meaning: 'the user lacks a right', lasts: true },
  {
    pattern: /cluster support disabled|unknown command.*cluster/i,
    meaning: 'this is no Redis Cluster, expected one for TILEWRIGHT_REDIS_MODE=cluster',
    lasts: true,
  },
  {
    pattern: /unknown command.*sentinel/i,
    meaning: 'this is no Sentinel, expected one for TILEWRIGHT_REDIS_MODE=sentinel',
    lasts: true,
  },
  {
    pattern: /got an invalid reply: null|No such master with that name/,
    meaning: 'the Sentinels know no primary of the name in TILEWRIGHT_REDIS_SENTINEL_NAME',
    lasts: true,
  },
  {
    pattern: /self.signed|unable to (verify|get)|certificate|altnames/i,
    meaning: 'its certificate is not trusted; TILEWRIGHT_REDIS_CA_FILE names the authority',
    lasts: true,
  },
  {
    pattern: /wrong version number|packet length too long|SSL routines|EPROTO/i,
    meaning: 'TLS failed; is this a redis: instead of a rediss: address?',
    lasts: true,
  },
  {
    pattern: /connect ETIMEDOUT/,
    meaning: 'it does not answer; a server without TLS needs a redis: instead of a rediss: address',
    // Each try has taken long enough.
    lasts: true,
  },
  {
    pattern: /ECONNRESET|socket hang up|Connection is closed|no connection/,
    meaning: 'it closed the connection; a server with TLS needs a rediss: address',
    lasts: false,
  },
  {
    pattern: /CLUSTERDOWN|None of startup nodes|Failed to refresh slots cache/,
    meaning: 'the cluster does not serve all of its slots',
    lasts: false,
  },
];

/** What went wrong, in words that lead to the setting to change, with what was found. Without a user or password. */
export function describeRedisFault(cause: unknown): string {
  const found = foundIn(cause);
  const known = KNOWN_FAULTS.find(({ pattern }) => pattern.test(found));
  return known === undefined ? found : `${known.meaning} (${found})`;
}

/** True for a fault that does not pass by itself: a command says so at once, instead of trying again. */
export function isLastingFault(cause: unknown): boolean {
  const found = foundIn(cause);
  return KNOWN_FAULTS.some(({ pattern, lasts }) => lasts && pattern.test(found));
}

function foundIn(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause === 'string' ? cause : 'no answer';
  // An address with several IPs fails with one error for each.
  const parts = cause instanceof AggregateError ? cause.errors.map(foundIn) : [cause.message || cause.name];
  return [...new Set(parts)].join('; ').trim();
}
