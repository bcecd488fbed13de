import { resolve } from 'node:path';
import { TilerError } from '../../src/errors.ts';
import type { Command, CommandArguments, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { createProgress, formatCount } from '../progress.ts';
import type { Times } from '../watch/schedule.ts';
import type { Look } from '../watch/watch-layer.ts';
import {
  JSON_OPTION,
  PROCESSES_OPTION,
  REDIS_OPTION,
  REQUEST_OPTIONS,
  REQUEST_POSITIONAL,
  commandLogger,
  loadConfig,
  loadRequest,
  parseWhole,
  processesOf,
} from './shared.ts';

const DEFAULT_EVERY = '10m';
const DEFAULT_MAX_PATHS = 1_000;

/** `tilewright watch`: keeps a tileset like its catalog. */
export const watchCommand: Command = {
  name: 'watch',
  summary: 'keep a tileset like its catalog: render just what changes, once or on a schedule',
  positionals: [REQUEST_POSITIONAL],
  options: {
    ...REQUEST_OPTIONS,
    once: { description: 'look once and end, for cron and CronJobs' },
    every: { value: 'TIME', description: `look at intervals, as 30s, 10m, 6h, 1d; default ${DEFAULT_EVERY}` },
    cron: {
      value: 'FIELDS',
      description: 'look at times in UTC, as "0 3 * * *"; with six fields the first is of seconds',
    },
    reconcile: {
      value: 'TIME',
      description: 'ask for what was updated only, and for all items at this interval; default: always for all',
    },
    'allow-deletions': { description: 'believe a catalog that has lost more than 20 % of its items, or all' },
    'changed-tiles': { value: 'FILE', description: 'write the addresses of changed tiles, z/x/y lines' },
    invalidations: { value: 'FILE', description: 'write the paths that a CDN is to drop, coarser where they are many' },
    'max-paths': { value: 'N', description: `of these at most; default ${DEFAULT_MAX_PATHS}` },
    'on-change': { value: 'COMMAND', description: 'run after each update that changed something, JSON on its input' },
    webhook: { value: 'URL', description: 'post the same JSON there; TILEWRIGHT_WEBHOOK_SECRET signs it' },
    listen: { value: 'HOST:PORT', description: 'take events at POST /events, with TILEWRIGHT_EVENTS_TOKEN' },
    processes: PROCESSES_OPTION,
    redis: REDIS_OPTION,
    json: JSON_OPTION,
  },
  notes: [
    'With --redis or REDIS_URL the workers render, and however many watchers are started, one works and the others wait;',
    'with --processes, or without Redis, this process does it. What was seen last is kept beside the output, in watch.json.',
  ],
  async run(context, args) {
    const { watchOutput } = await import('../watch/watch-output.ts');
    const { options } = args;
    const json = options['json'] === 'true';
    const config = await loadConfig(context, args);
    const request = await loadRequest(context, args);
    const note = (text: string): void => {
      context.stderr.write(`${json ? JSON.stringify({ event: 'note', text }) : text}\n`);
    };
    const file = (name: string): string | null =>
      options[name] === undefined ? null : resolve(context.cwd, options[name]);
    const { parseInterval } = await import('../watch/interval.ts');
    const last = await watchOutput({
      request,
      config,
      env: context.env,
      engine: engineOf(context, args),
      times: await timesOf(args),
      reconcileMs: options['reconcile'] === undefined ? null : parseInterval('--reconcile', options['reconcile']),
      allowDeletions: options['allow-deletions'] === 'true',
      changedTilesFile: file('changed-tiles'),
      invalidationsFile: file('invalidations'),
      maxPaths: parseWhole('--max-paths', options['max-paths'] ?? String(DEFAULT_MAX_PATHS), 1, 1_000_000),
      command: options['on-change'] ?? null,
      webhook: webhookOf(args),
      listen: listenOf(args),
      progress: () => createProgress({ stream: context.stderr, json }),
      onLook: (look, searches) =>
        context.print(json ? JSON.stringify(recordOf(look, searches)) : lineOf(look, searches)),
      onListening: (url) => note(`taking events at ${url}events`),
      note,
      logger: commandLogger(context, args),
      signal: context.signal,
    });
    if (options['once'] !== 'true') return EXIT.done;
    if (last === null || last.update?.state === 'interrupted') return EXIT.interrupted;
    if (last.update !== null && last.update.failed > 0) return EXIT.failedTiles;
    return last.update === null || last.update.state === 'complete' ? EXIT.done : EXIT.failed;
  },
};

async function timesOf({ options }: CommandArguments): Promise<Times | null> {
  const { once, every, cron } = options;
  if ([once, every, cron].filter((one) => one !== undefined).length > 1) {
    throw new TilerError('REQUEST_INVALID', 'tilewright watch: expected one of --once, --every and --cron');
  }
  const [{ parseInterval }, { parseCron }] = await Promise.all([
    import('../watch/interval.ts'),
    import('../watch/cron.ts'),
  ]);
  if (once === 'true') return null;
  if (cron === undefined) return { everyMs: parseInterval('--every', every ?? DEFAULT_EVERY) };
  parseCron(cron);
  return { cron };
}

function engineOf({ env }: CommandContext, args: CommandArguments) {
  const { redis, processes } = args.options;
  const hasRedis = redis !== undefined || (env['REDIS_URL'] ?? '') !== '';
  if (hasRedis && processes === undefined) return { kind: 'queue' as const };
  return { kind: 'here' as const, processes: processesOf(args) };
}

function webhookOf({ options }: CommandArguments): string | null {
  const { webhook } = options;
  if (webhook === undefined) return null;
  if (URL.canParse(webhook) && /^https?:$/.test(new URL(webhook).protocol)) return webhook;
  throw new TilerError(
    'REQUEST_INVALID',
    `--webhook: found '${webhook.split('?', 1)[0]}', expected an http or https URL`,
  );
}

function listenOf({ options }: CommandArguments): { readonly host: string; readonly port: number } | null {
  const { listen } = options;
  if (listen === undefined) return null;
  const [, host, port] = /^(?:(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(listen) ?? [];
  if (port !== undefined && Number(port) < 65_536) {
    return { host: host?.replace(/^\[(.*)\]$/, '$1') ?? '127.0.0.1', port: Number(port) };
  }
  throw new TilerError('REQUEST_INVALID', `--listen: found '${listen}', expected HOST:PORT, or a port of 127.0.0.1`);
}

/** A look for programs. */
function recordOf({ poll, dirty, update, version, isPublished, isPending }: Look, searches: number): object {
  const { added, changed, touched, gone } = poll.changes;
  const items = { added: added.length, changed: changed.length, touched: touched.length, gone: gone.length };
  return {
    event: 'look',
    items: { all: poll.items.size, ...items },
    searches,
    metatiles: {
      dirty: update === null ? 0 : dirty,
      looked: update?.metatiles ?? 0,
      unchanged: update?.unchanged ?? 0,
    },
    state: update?.state ?? 'unchanged',
    failed: update?.failed ?? 0,
    version: version?.id ?? null,
    published: isPublished,
    pending: isPending,
  };
}

/** A look for people. */
function lineOf({ poll, update, version, isPublished, isFirst }: Look, searches: number): string {
  const { added, changed, touched, gone } = poll.changes;
  const counts = Object.entries({ added, changed, touched, gone }).filter(([, names]) => names.length > 0);
  const items = counts.map(([name, names]) => `${formatCount(names.length)} ${name}`).join(', ');
  const seen = `${formatCount(poll.items.size)} items in ${formatCount(searches)} requests`;
  if (update === null) return `${seen}, nothing to do`;
  if (isFirst)
    return `${seen}: ${formatCount(update.metatiles)} metatiles rendered, ${resultOf(update.state, version?.id, true)}`;
  const rendered = `${formatCount(update.metatiles - update.unchanged)} of ${formatCount(update.metatiles)} metatiles rendered`;
  return `${seen}, ${items === '' ? 'nothing new' : items}: ${rendered}, ${resultOf(update.state, version?.id, isPublished)}`;
}

function resultOf(state: string, version: string | undefined, isPublished: boolean): string {
  if (state !== 'complete') return `${state}, to be tried again`;
  return isPublished ? `now version ${version ?? ''}` : `still version ${version ?? ''}`;
}
