import * as z from 'zod';
import { digestOf } from '../../src/digest.ts';
import { TilerError } from '../../src/errors.ts';
import { rangesToText } from '../../src/tms/ranges-text.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { NONE_LEFT_OUT } from './left-out-again.ts';
import type { LeftOutMetatiles } from './left-out-again.ts';
import { EVERYTHING, joinWork, pendingFromDocument, PendingSchema, pendingToDocument } from './pending-work.ts';
import type { PendingWork } from './pending-work.ts';
import { packItems, unpackItems } from './watched-items.ts';
import type { WatchedItems } from './watched-items.ts';

/** Name of the document beside the tileset. */
const STATE_NAME = 'watch.json';

/** The items lie in one of these, the other one is free to be written: the state says which, and what is in it. */
const ITEMS_NAMES = ['watch-items-a.ndjson.gz', 'watch-items-b.ndjson.gz'] as const;

const MAX_STATE_BYTES = 16 * 1024 * 1024;

/** Somebody else changed the state meanwhile, so many times in a row. */
const MAX_CONFLICTS = 50;

const StateSchema = z.strictObject({
  v: z.literal(1),
  /** Of the request and its plan: those of another one are about other items and other metatiles. */
  run: z.string(),
  items: z.strictObject({ name: z.enum(ITEMS_NAMES), count: z.int().min(0), digest: z.string() }).nullable(),
  /** The latest `updated` that was seen; null = none was. */
  cursor: z.string().nullable(),
  /** When all items were looked at last, by the clock of who did. */
  listedAt: z.iso.datetime().nullable(),
  /** The version that the items and all that is not pending go with; null = none yet. */
  version: z.string().nullable(),
  pending: PendingSchema,
  /** What the update under way was begun with; null = there is none. */
  running: PendingSchema.nullable(),
  /** Metatiles to be tried again; absent = none. */
  leftOut: z.strictObject({ ranges: z.string(), tries: z.int().min(0) }).optional(),
});

type StateDocument = z.output<typeof StateSchema>;

/** What is remembered between two looks at a catalog, beside the tileset. */
export interface WatchState {
  readonly cursor: string | null;
  readonly listedAt: string | null;
  readonly version: string | null;
  readonly pending: PendingWork;
  /** What the update under way was begun with; null = there is none. */
  readonly running: PendingWork | null;
  readonly leftOut: LeftOutMetatiles;
}

/** A state as it was read, with what it takes to write the next one. */
export interface FoundState {
  readonly state: WatchState;
  /** Null where they are lost. */
  readonly items: WatchedItems | null;
}

/** Nothing is known: everything is to be looked at. */
const UNKNOWN: WatchState = {
  cursor: null,
  listedAt: null,
  version: null,
  pending: EVERYTHING,
  running: null,
  leftOut: NONE_LEFT_OUT,
};

/** A change of the state. `items` is left out where they stay. */
export interface StateChange extends WatchState {
  readonly items?: WatchedItems;
}

/**
 * The state of one tileset. Every change is written only if nobody else has changed it since it was read, and is made
 * anew from what that one wrote otherwise. A state that is lost, damaged, or of another request is one of which nothing
 * is known: then everything is looked at, and nothing counts as withdrawn.
 */
export class WatchStateStore {
  private readonly store: TileStore;
  private readonly run: string;
  private readonly signal: AbortSignal;
  /** The items of the document with this digest. */
  private cached: { readonly digest: string; readonly items: WatchedItems } | null = null;

  /** @param run - names the request and its plan */
  constructor(store: TileStore, run: string, signal: AbortSignal) {
    this.store = store;
    this.run = run;
    this.signal = signal;
  }

  /** The state, and the items. */
  async read(): Promise<FoundState> {
    const { document } = await this.load();
    if (document === null) return { state: UNKNOWN, items: null };
    const items = await this.itemsOf(document);
    const state = stateOf(document);
    return items === null ? { state: { ...state, pending: EVERYTHING }, items } : { state, items };
  }

  /**
   * Changes the state. `change` may be called more than once, with what others wrote meanwhile.
   *
   * @throws TilerError `STORE_CONFLICT` if others change it all the time
   */
  async update(change: (state: WatchState) => StateChange): Promise<WatchState> {
    const packed = new Map<WatchedItems, Uint8Array>();
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt++) {
      const { document, tag } = await this.load();
      const { items, ...state } = change(document === null ? UNKNOWN : stateOf(document));
      let place = document?.items ?? null;
      if (items !== undefined) {
        const itemBytes = packed.get(items) ?? (await packItems(items));
        packed.set(items, itemBytes);
        place = await this.putItems(items, itemBytes, place);
      }
      const text = `${JSON.stringify(documentOf(this.run, state, place))}\n`;
      const bytes = new TextEncoder().encode(text);
      const options = { signal: this.signal };
      if ((await this.store.putDocumentIf(STATE_NAME, bytes, tag, 'application/json', options)) !== null) return state;
    }
    throw new TilerError('STORE_CONFLICT', `Writing ${STATE_NAME} of ${this.store.label}: it changes all the time`);
  }

  /** True if there is a state of this request. */
  async isThere(): Promise<boolean> {
    return (await this.load()).document !== null;
  }

  /** Adds work for the next update. */
  async add(work: PendingWork): Promise<void> {
    await this.update((state) => ({ ...state, pending: joinWork(state.pending, work) }));
  }

  private async load(): Promise<{ readonly document: StateDocument | null; readonly tag: string | null }> {
    const found = await this.store.getTaggedDocument(STATE_NAME, { signal: this.signal });
    if (found === null) return { document: null, tag: null };
    const document = found.bytes.length > MAX_STATE_BYTES ? null : parseState(found.bytes);
    return { document: document?.run === this.run ? document : null, tag: found.tag };
  }

  private async itemsOf({ items: place }: StateDocument): Promise<WatchedItems | null> {
    if (place === null) return null;
    if (this.cached?.digest === place.digest) return this.cached.items;
    const found = await this.store.getTaggedDocument(place.name, { signal: this.signal });
    if (found === null || digestOf(found.bytes) !== place.digest) return null;
    const items = await unpackItems(found.bytes);
    if (items !== null) this.cached = { digest: place.digest, items };
    return items;
  }

  private async putItems(
    items: WatchedItems,
    bytes: Uint8Array,
    place: StateDocument['items'],
  ): Promise<StateDocument['items']> {
    const digest = digestOf(bytes);
    // A document that was not read may be lost, whatever the state says of it.
    if (place?.digest === digest && this.cached?.digest === digest) return place;
    const name = place?.name === ITEMS_NAMES[0] ? ITEMS_NAMES[1] : ITEMS_NAMES[0];
    const options = { signal: this.signal };
    // Whoever else writes it at the same time does not get his state written, or we do not: the digest tells.
    for (let isPut = false; !isPut;) {
      const before = await this.store.getTaggedDocument(name, options);
      const tag = await this.store.putDocumentIf(name, bytes, before?.tag ?? null, 'application/gzip', options);
      isPut = tag !== null;
    }
    this.cached = { digest, items };
    return { name, count: items.size, digest };
  }
}

function parseState(bytes: Uint8Array): StateDocument | null {
  try {
    return StateSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

function stateOf({ cursor, listedAt, version, pending, running, leftOut }: StateDocument): WatchState {
  // What cannot be read is nothing to be tried again; it is looked at when something about it changes.
  const again = pendingFromDocument({ ranges: leftOut?.ranges ?? '', ids: [] }).ranges ?? [];
  return {
    cursor,
    listedAt,
    version,
    pending: pendingFromDocument(pending),
    running: running === null ? null : pendingFromDocument(running),
    leftOut: { ranges: again, tries: leftOut?.tries ?? 0 },
  };
}

function documentOf(
  run: string,
  { cursor, listedAt, version, pending, running, leftOut }: WatchState,
  items: StateDocument['items'],
): StateDocument {
  return {
    v: 1,
    run,
    items,
    cursor,
    listedAt,
    version,
    pending: pendingToDocument(pending),
    running: running === null ? null : pendingToDocument(running),
    ...(leftOut.ranges.length === 0 ? {} : { leftOut: { ranges: rangesToText(leftOut.ranges), tries: leftOut.tries } }),
  };
}

/** Items that somebody said to have changed and that no update was published for, by ID. */
export function idsOf({ pending, running }: WatchState): readonly string[] {
  return [...new Set([...pending.ids, ...(running?.ids ?? [])])];
}
