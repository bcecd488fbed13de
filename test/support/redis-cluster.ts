import type { Redis } from 'ioredis';
import { until } from './processes.ts';
import { createOwnRedis } from './redis.ts';
import type { OwnRedis, RedisServer } from './redis.ts';
import { asAdmin, disposeAll, orDispose } from './redis-topologies.ts';
import { freePort, startAll } from './server-process.ts';

const SLOTS = 16_384;

/** A Redis Cluster, and the part of it that a test may disturb. */
export interface RedisCluster extends RedisServer {
  /** The primary that has the keys of `env`. */
  readonly primary: OwnRedis;
  /** What takes over from it; null without replicas. */
  readonly replica: OwnRedis | null;
  /** Resolves once all nodes but that primary know that its slots are not served. */
  untilSlotsLack(): Promise<void>;
}

/** After this long without an answer, a node counts as gone. */
const NODE_TIMEOUT_MS = 2_000;

/**
 * Starts a cluster of three primaries which keep every write over a SIGKILL.
 *
 * @param options.replicas - how many each of them has: 0 or 1
 */
export async function startRedisCluster({ replicas = 0 }: { readonly replicas?: 0 | 1 } = {}): Promise<RedisCluster> {
  const nodes = await startNodes(3 * (1 + replicas));
  const primaries = nodes.slice(0, 3);
  const [first] = primaries;
  if (first === undefined) throw new Error('a cluster has nodes');
  const urls = primaries.map(({ url }) => url);
  const { primary, replica } = await orDispose(nodes, async () => {
    await joinNodes(nodes, primaries);
    return await nodesOf(`{${first.env['TILEWRIGHT_QUEUE_PREFIX']}}`, nodes, primaries);
  });
  return {
    url: first.url,
    // Not all of them are needed to find the others.
    env: { ...first.env, REDIS_URL: urls.slice(1).join(','), TILEWRIGHT_REDIS_MODE: 'cluster' },
    primary,
    replica,
    async untilSlotsLack() {
      const others = nodes.filter(({ url }) => url !== primary.url);
      await untilAll('the others to lack slots', others, async (redis) =>
        (await redis.cluster('INFO')).includes('cluster_state:fail'),
      );
    },
    [Symbol.asyncDispose]: () => disposeAll(nodes),
  };
}

type ClusterNode = OwnRedis & { readonly busPort: number };

/** The slots of each primary: so many, in the order of the primaries. */
function slotsEach(primaries: readonly ClusterNode[]): number {
  return Math.ceil(SLOTS / primaries.length);
}

/** The primary of a key, and its replica: the n-th primary has the n-th of the nodes that are none. */
async function nodesOf(
  key: string,
  nodes: readonly ClusterNode[],
  primaries: readonly ClusterNode[],
): Promise<Pick<RedisCluster, 'primary' | 'replica'>> {
  const slot = await asAdmin(nodes[0]?.url ?? '', (redis) => redis.cluster('KEYSLOT', key));
  const at = Math.floor(slot / slotsEach(primaries));
  const primary = primaries[at];
  if (primary === undefined) throw new Error(`no primary has the slot ${slot}`);
  return { primary, replica: nodes[primaries.length + at] ?? null };
}

async function joinNodes(nodes: readonly ClusterNode[], primaries: readonly ClusterNode[]): Promise<void> {
  const share = slotsEach(primaries);
  for (const [i, { url }] of primaries.entries()) {
    await asAdmin(url, async (redis) => {
      await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', i * share, Math.min(SLOTS, (i + 1) * share) - 1);
    });
  }
  // Only now, since an epoch can be given to a node only while it is alone.
  const [first, ...others] = nodes;
  await asAdmin(first?.url ?? '', async (redis) => {
    for (const { port, busPort } of others) await redis.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
  });
  await untilAll('the cluster to know itself', nodes, async (redis) => {
    const info = await redis.cluster('INFO');
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`);
  });
  const replicas = nodes.slice(primaries.length);
  for (const [i, { url }] of replicas.entries()) {
    const primary = await asAdmin(primaries[i]?.url ?? '', (redis) => redis.cluster('MYID'));
    await asAdmin(url, (redis) => redis.cluster('REPLICATE', primary));
  }
  await untilAll('the replicas to have all', replicas, async (redis) =>
    (await redis.info('replication')).includes('master_link_status:up'),
  );
}

async function untilAll(
  what: string,
  nodes: readonly OwnRedis[],
  isSo: (redis: Redis) => Promise<boolean>,
): Promise<void> {
  await until(what, async () => (await Promise.all(nodes.map(({ url }) => asAdmin(url, isSo)))).every(Boolean));
}

async function startNodes(count: number): Promise<readonly ClusterNode[]> {
  return await startAll(
    ...Array.from({ length: count }, async () => {
      const busPort = await freePort();
      const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
      args.push('--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0');
      const node = await createOwnRedis({ appendOnly: true, args: () => args });
      await node.start();
      return { ...node, busPort };
    }),
  );
}
