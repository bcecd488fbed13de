import { createHash } from 'node:crypto';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { openOutput } from '../../jobs/open-output.ts';
import type { TilesetRequest } from '../../jobs/request/tileset-request.ts';
import type { RunUpdates, UpdateOutcome } from '../../jobs/watch/update-engine.ts';
import { WatchLayer } from '../../jobs/watch/watch-layer.ts';
import type { Look, WatchLayerOptions } from '../../jobs/watch/watch-layer.ts';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { createIoCounters, SILENT } from '../../src/observe.ts';
import { tilePath } from '../../src/tms/tile.ts';
import type { ChangingWorld, MadeScene } from './changing-world.ts';
import { runInProcess } from './updates-in-process.ts';

/** What may happen to a catalog, or to who watches it, between two looks. */
export type Happening =
  | { readonly kind: 'add' | 'move' | 'redate'; readonly id: number; readonly scene: MadeScene }
  | { readonly kind: 'remove' | 'touch' | 'rewrite' | 'return'; readonly id: number }
  | { readonly kind: 'touch all' | 'lose state' | 'damage state' | 'lose records' }
  /** So many requests to the catalog fail. */
  | { readonly kind: 'outage'; readonly requests: number }
  /** The watcher is killed before so many metatiles are done, and in the midst of it the catalog changes. */
  | { readonly kind: 'kill'; readonly metatiles: number; readonly meanwhile: readonly Happening[] }
  /** The catalog changes while an update runs, and perhaps back again after it. */
  | {
      readonly kind: 'meanwhile';
      readonly metatiles: number;
      readonly happenings: readonly Happening[];
      readonly isUndone: boolean;
    };

const CONFIG: Config = parseConfig({ TILEWRIGHT_STAC_RETRIES: '0', TILEWRIGHT_SOURCE_RETRIES: '0' });

const sceneArbitrary: fc.Arbitrary<MadeScene> = fc.record({
  west: fc.integer({ min: -6, max: 12 }).map((n) => n * 4),
  south: fc.integer({ min: -5, max: 11 }).map((n) => n * 4),
  degrees: fc.constantFrom(4, 8, 16),
  seed: fc.integer({ min: 0, max: 200 }),
  datetime: fc.integer({ min: 1, max: 6 }).map((day) => `2026-06-0${day}T00:00:00Z`),
  updated: fc.constant('2026-06-10T00:00:00Z'),
  isAnywhere: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  isChecked: fc.boolean(),
});

const id = fc.integer({ min: 0, max: 7 });

const change: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), id, scene: sceneArbitrary }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('move' as const, 'redate' as const), id, scene: sceneArbitrary }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('remove' as const, 'touch' as const, 'rewrite' as const, 'return' as const),
      id,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('touch all' as const) }) },
);

const changes = fc.array(change, { minLength: 1, maxLength: 3 });
const metatiles = fc.integer({ min: 0, max: 12 });

/** Histories of some steps; after each, somebody looks. */
export const historyArbitrary: fc.Arbitrary<readonly (readonly Happening[])[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: changes },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('lose state' as const, 'damage state' as const, 'lose records' as const)
        .chain((kind) => changes.map((before): readonly Happening[] => [...before, { kind }])),
    },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }).map((requests) => [{ kind: 'outage' as const, requests }]) },
    {
      weight: 2,
      arbitrary: fc
        .record({ kind: fc.constant('kill' as const), metatiles, meanwhile: changes })
        .chain((kill) => changes.map((before): readonly Happening[] => [...before, kill])),
    },
    {
      weight: 2,
      arbitrary: fc
        .record({ kind: fc.constant('meanwhile' as const), metatiles, happenings: changes, isUndone: fc.boolean() })
        .chain((meanwhile) => changes.map((before): readonly Happening[] => [...before, meanwhile])),
    },
  ),
  { minLength: 1, maxLength: 6 },
);

/** What the looks of a history came to in all. */
export interface HistoryCounts {
  looks: number;
  updates: number;
  dirty: number;
  unchanged: number;
  /** Metatiles that full renders of the same states would have rendered. */
  all: number;
  searches: number;
}

class Killed extends Error {}

/** Lives through histories of a catalog with an output that is watched. */
export class WatchedHistory {
  readonly counts: HistoryCounts = { looks: 0, updates: 0, dirty: 0, unchanged: 0, all: 0, searches: 0 };
  private readonly world: ChangingWorld;
  private readonly request: TilesetRequest;
  private readonly removed = new Map<number, MadeScene>();
  private readonly options: Partial<WatchLayerOptions>;
  private clock = 0;
  private beforeMetatile: (() => void) | null = null;

  constructor(world: ChangingWorld, request: TilesetRequest, options: Partial<WatchLayerOptions> = {}) {
    this.world = world;
    this.request = request;
    this.options = options;
  }

  /** One step: what happens, and looks until one finds nothing to do. */
  async step(happenings: readonly Happening[]): Promise<void> {
    for (const happening of happenings) await this.happen(happening);
    this.world.serve();
    // Whoever is killed, or finds no catalog, is started again.
    for (let tries = 0; tries < 12; tries++) {
      const look = await this.look().catch((error: unknown) => {
        if (error instanceof Killed || this.isOutage(error)) return null;
        throw error;
      });
      // The catalog may have changed while an update ran: a look that finds nothing to do says that it is all there.
      if (look === null || look.update !== null) continue;
      this.beforeMetatile = null;
      return;
    }
    throw new Error('Expected that nothing is left to do after 12 looks');
  }

  /** One look by a watcher that has just been started. */
  async look(): Promise<Look> {
    const { signal } = new AbortController();
    const counters = createIoCounters();
    await using store = await openOutput(this.request, CONFIG, { counters, signal });
    const runUpdate: RunUpdates = async (request, update) => {
      const mode = { update, force: update === null, keepParts: true };
      return await runInProcess({
        request,
        config: CONFIG,
        ...mode,
        beforeMetatile: () => this.beforeMetatile?.(),
        signal,
      });
    };
    const layer = new WatchLayer({
      request: this.request,
      config: CONFIG,
      store,
      runUpdate,
      reconcileMs: null,
      allowDeletions: true,
      counters,
      logger: SILENT,
      now: () => new Date('2026-06-20T00:00:00Z'),
      signal,
      ...this.options,
    });
    try {
      const look = await layer.look();
      this.note(look.update, counters.searches);
      return look;
    } finally {
      await layer[Symbol.asyncDispose]();
    }
  }

  /** Digests of all tiles, and of the archive if it is one, as the output is now and as a full render would make it. */
  async compare(): Promise<{ readonly watched: readonly string[]; readonly rendered: readonly string[] }> {
    const { signal } = new AbortController();
    const { folder } = this.world;
    const isArchive = this.request.output.endsWith('.pmtiles');
    const full = { ...this.request, output: join(folder, 'full', isArchive ? 'out.pmtiles' : 'out') };
    const outcome = await runInProcess({ request: full, config: CONFIG, update: null, signal });
    if (outcome.state !== 'complete') throw new Error('Expected that a full render ends well');
    this.counts.all += outcome.metatiles;
    const [watched, rendered] = [await contentOf(this.request), await contentOf(full)];
    await rm(join(folder, 'full'), { recursive: true, force: true });
    return { watched, rendered };
  }

  private note(update: UpdateOutcome | null, searches: number): void {
    this.counts.looks++;
    this.counts.searches += searches;
    if (update === null) return;
    this.counts.updates++;
    this.counts.dirty += update.metatiles;
    this.counts.unchanged += update.unchanged;
  }

  private isOutage(error: unknown): boolean {
    return error instanceof Error && 'code' in error && error.code === 'STAC_UNAVAILABLE';
  }

  private async happen(happening: Happening): Promise<void> {
    switch (happening.kind) {
      case 'lose state':
        await rm(join(this.documentFolder(), this.documentName('watch.json')), { force: true });
        break;
      case 'damage state':
        await rm(join(this.documentFolder(), this.documentName('watch-items-a.ndjson.gz')), { force: true });
        await rm(join(this.documentFolder(), this.documentName('watch-items-b.ndjson.gz')), { force: true });
        break;
      case 'lose records': {
        const folder = join(this.documentFolder(), this.isArchive() ? 'out.versions' : '.tilewright/versions');
        const names = await readdir(folder).catch((error: unknown) => {
          if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
          throw error;
        });
        for (const name of names) if (name.endsWith('.records.gz')) await rm(join(folder, name));
        break;
      }
      case 'outage':
        this.world.stac.fail(
          ...Array.from({ length: happening.requests }, () => ({ kind: 'status', status: 503 }) as const),
        );
        break;
      case 'kill':
        this.once(happening.metatiles, () => {
          for (const one of happening.meanwhile) this.change(one);
          this.world.serve();
          throw new Killed();
        });
        break;
      case 'meanwhile':
        this.once(happening.metatiles, () => {
          const before = new Map(this.world.scenes);
          for (const one of happening.happenings) this.change(one);
          this.world.serve();
          if (!happening.isUndone) return;
          // At the next metatile it is as if nothing had happened.
          this.once(0, () => this.undo(before));
        });
        break;
      default:
        this.change(happening);
    }
  }

  /**
   * All is as it was, but for files that were replaced: of those that are put back, `updated` tells, and those with a
   * checksum stay replaced, since nothing else would tell of them.
   */
  private undo(before: ReadonlyMap<string, MadeScene>): void {
    const { scenes } = this.world;
    const replaced = new Map(scenes);
    scenes.clear();
    for (const [name, scene] of before) {
      const between = replaced.get(name);
      if (between === undefined || isSameFile(scene, between)) scenes.set(name, scene);
      else scenes.set(name, scene.isChecked === true ? between : { ...scene, updated: this.now() });
    }
    this.world.serve();
  }

  /** Does something before the metatile of that number, once. */
  private once(metatile: number, action: () => void): void {
    let left = metatile;
    this.beforeMetatile = () => {
      if (left-- > 0) return;
      this.beforeMetatile = null;
      action();
    };
  }

  private change(happening: Happening): void {
    const { scenes } = this.world;
    if (happening.kind === 'touch all') {
      for (const [name, scene] of scenes) scenes.set(name, { ...scene, updated: this.now() });
      return;
    }
    if (!('id' in happening)) return;
    const name = `scene-${happening.id}`;
    const scene = scenes.get(name);
    switch (happening.kind) {
      case 'add':
        scenes.set(name, { ...happening.scene, updated: this.now() });
        break;
      case 'return': {
        const before = this.removed.get(happening.id);
        if (before !== undefined && scene === undefined) scenes.set(name, before);
        break;
      }
      case 'remove':
        if (scene !== undefined) this.removed.set(happening.id, scene);
        scenes.delete(name);
        break;
      case 'move':
        if (scene !== undefined)
          scenes.set(name, { ...scene, west: happening.scene.west, south: happening.scene.south, updated: this.now() });
        break;
      case 'redate':
        if (scene !== undefined)
          scenes.set(name, { ...scene, datetime: happening.scene.datetime, updated: this.now() });
        break;
      case 'rewrite':
        if (scene !== undefined) scenes.set(name, { ...scene, seed: scene.seed + 1, updated: this.now() });
        break;
      case 'touch':
        if (scene !== undefined) scenes.set(name, { ...scene, updated: this.now() });
        break;
      default:
        break;
    }
  }

  private now(): string {
    return new Date(Date.parse('2026-06-10T00:00:00Z') + ++this.clock * 1000).toISOString();
  }

  private isArchive(): boolean {
    return this.request.output.endsWith('.pmtiles');
  }

  private documentFolder(): string {
    return this.isArchive() ? join(this.request.output, '..') : this.request.output;
  }

  private documentName(name: string): string {
    return this.isArchive() ? `out.${name}` : name;
  }
}

function isSameFile(a: MadeScene, b: MadeScene): boolean {
  return a.west === b.west && a.south === b.south && a.degrees === b.degrees && a.seed === b.seed;
}

async function contentOf(request: TilesetRequest): Promise<readonly string[]> {
  const { signal } = new AbortController();
  await using store = await openOutput(request, CONFIG, { counters: createIoCounters(), signal });
  const content: string[] = [];
  for await (const tile of store.list({ signal })) {
    content.push(`${tilePath(tile)} ${digestOf((await store.get(tile, { signal })) ?? new Uint8Array())}`);
  }
  content.sort();
  if (request.output.endsWith('.pmtiles')) content.push(`archive ${digestOf(await readFile(request.output))}`);
  return content;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
