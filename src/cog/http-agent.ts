import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { undiciParts } from './undici-parts.ts';

/** How long and how often the agent waits and connects. */
export interface HttpAgentOptions {
  /** Connections to one origin. Default 16. */
  readonly connectionsPerHost?: number;
  readonly connectTimeoutMs?: number;
  /** Until the response headers are complete. Default 30,000. */
  readonly headersTimeoutMs?: number;
  /** Between two pieces of a body. Default 30,000. */
  readonly bodyTimeoutMs?: number;
  /** Takes the place of the system's resolver. */
  readonly lookup?: LookupFunction;
}

/** The code of the error with which a connection to a refused address fails; undici passes it on unwrapped. */
export const ADDRESS_REFUSED = 'ERR_ADDRESS_REFUSED';

/**
 * Link-local addresses, on which clouds serve credentials to whoever asks (169.254.169.254), and those of clouds that
 * serve them elsewhere, in every spelling by which IPv6 can reach them: IPv4-mapped and -compatible, NAT64, 6to4.
 */
const REFUSED = new BlockList();
REFUSED.addSubnet('169.254.0.0', 16, 'ipv4');
REFUSED.addAddress('100.100.100.200', 'ipv4');
REFUSED.addAddress('192.0.0.192', 'ipv4');
REFUSED.addSubnet('fe80::', 10, 'ipv6');
REFUSED.addSubnet('fd00:ec2::', 32, 'ipv6');
REFUSED.addSubnet('::ffff:169.254.0.0', 112, 'ipv6');
REFUSED.addSubnet('::a9fe:0', 112, 'ipv6');
REFUSED.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
REFUSED.addSubnet('2002:a9fe::', 32, 'ipv6');

/** True for an IP address (not a name) that no href may lead to. Loopback and private addresses are allowed. */
export function isRefusedAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/gu, '').replace(/%.*$/u, '');
  const family = isIP(bare);
  return family !== 0 && REFUSED.check(bare, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Creates the HTTP client that reads untrusted hrefs: connections are kept alive, bounded per host, and every wait has a
 * time-out. The address is checked when the connection is made, on what the name resolved to then, so that neither a
 * redirect nor a name that changes its address between check and use leads to a refused one. Redirects are not followed.
 *
 * A refused address fails the request with an error whose `code` is `ADDRESS_REFUSED`.
 */
export function createHttpAgent(options: HttpAgentOptions = {}): Dispatcher {
  const { Agent, buildConnector } = undiciParts();
  const timeout = options.connectTimeoutMs ?? 10_000;
  const connect = buildConnector({ timeout, lookup: checkAddresses(options.lookup ?? dnsLookup) });
  return new Agent({
    connections: options.connectionsPerHost ?? 16,
    headersTimeout: options.headersTimeoutMs ?? 30_000,
    bodyTimeout: options.bodyTimeoutMs ?? 30_000,
    keepAliveTimeout: 10_000,
    connect: (target, callback) => {
      // A literal address is connected to without a look-up.
      if (isRefusedAddress(target.hostname)) callback(refusal(target.hostname, target.hostname), null);
      else connect(target, callback);
    },
  });
}

/** Refuses a name if any of its addresses is refused: one that has both kinds is an attack or a mistake. */
function checkAddresses(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses: readonly LookupAddress[] = Array.isArray(found) ? found : [];
      const refused = addresses.find(({ address }) => isRefusedAddress(address));
      const [first] = addresses;
      if (error !== null) callback(error, '');
      else if (refused !== undefined) callback(refusal(hostname, refused.address), '');
      else if (options.all === true) callback(null, [...addresses]);
      else if (first === undefined) callback(refusal(hostname, 'no address'), '');
      else callback(null, first.address, first.family);
    });
  };
}

function refusal(hostname: string, address: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(
    `connecting to ${hostname}: ${address} is a link-local or metadata address, which no asset may lead to`,
  );
  error.code = ADDRESS_REFUSED;
  return error;
}
