import * as z from 'zod';
import { TilerError, isTilerError } from '../src/errors.ts';
import type { LeftOut, LeftOutScene, TileFailure } from '../src/render/tile-renderer.ts';
import { TilesetRequestSchema } from './request/request-schema.ts';
import { planFieldsOf } from './run-update.ts';
import type { RunMode } from './run-update.ts';
import type { TilesetRequest } from './request/tileset-request.ts';
import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';

/** Name of the document beside the tiles. */
const MANIFEST_NAME = 'tilewright.json';

const WAY_OUT = '--force renders all anew';

/** Failures that a manifest lists; the count says how many there are. */
export const MANIFEST_FAILURES = 1_000;

/** Scenes left out that a manifest lists: those that come first by their name. */
export const MANIFEST_LEFT_OUT = 1_000;

const CountSchema = z.int().min(0);

/** `PlanFields`. */
const PlanFieldsSchema = TilesetRequestSchema.pick({
  area: true,
  minzoom: true,
  maxzoom: true,
  metatileSize: true,
  sourceMinzoom: true,
});

const ManifestSchema = z.strictObject({
  v: z.literal(1),
  requestHash: z.string().min(1),
  /** Counts the times that this output was begun anew, so that an old journal is never taken for a new one. */
  generation: z.int().min(1),
  state: z.enum(['rendering', 'complete', 'failed']),
  /** The lowest zoom that is rendered from the sources; not there if all are. */
  sourceMinzoom: CountSchema.optional(),
  /** The version that a complete tileset has become. */
  version: z.string().optional(),
  /** Of a run that is not complete: what its indices mean. */
  plan: PlanFieldsSchema.optional(),
  /** Of a run that is not complete, if it is an update; `baseline` is the ID of a version. */
  update: z
    .strictObject({ only: z.string().nullable(), baseline: z.string(), changedTilesFile: z.string().nullable() })
    .optional(),
  /** Of a run that is not complete: tiles of other plans may be there, which it deletes in the end. */
  sweeps: z.literal(true).optional(),
  /** Of a run that is not complete: what it hands on for lower zooms stays, for an update. */
  keepsParts: z.literal(true).optional(),
  /** The version whose metatiles have left what they handed on. */
  parts: z.string().optional(),
  /** How versions were made that are kept. */
  made: z
    .array(z.strictObject({ versions: z.array(z.string()).min(1), plan: PlanFieldsSchema, renderer: CountSchema }))
    .optional(),
  counts: z
    .strictObject({
      metatiles: CountSchema,
      tiles: CountSchema,
      rendered: CountSchema,
      empty: CountSchema,
      failed: CountSchema,
    })
    .optional(),
  failures: z
    .array(z.strictObject({ tile: z.string(), code: z.string(), message: z.string(), asset: z.string().optional() }))
    .optional(),
  /** What tiles had to do without, if anything: how many tiles that are, and which scenes were left out of how many. */
  leftOut: z
    .strictObject({
      tiles: CountSchema,
      scenes: z.array(z.strictObject({ scene: z.string(), code: z.string(), message: z.string(), tiles: CountSchema })),
    })
    .optional(),
});

/** Says what an output holds and whether it is finished. Without a clock in it: the same run gives the same bytes. */
export type Manifest = z.output<typeof ManifestSchema>;

/**
 * Reads the manifest of an output; null = none.
 *
 * @throws TilerError `STORE_CONFLICT` for a document of that name which is no manifest, and those of `TileStore`
 */
export async function readManifest(
  store: Pick<TileStore, 'label' | 'getDocument'>,
  options: StoreCallOptions,
): Promise<Manifest | null> {
  const text = await store.getDocument(MANIFEST_NAME, options);
  if (text === null) return null;
  const attempted = `Reading ${MANIFEST_NAME} of ${store.label}`;
  try {
    const parsed = ManifestSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw new TilerError('STORE_CONFLICT', `${attempted}: found a document of another kind or version; ${WAY_OUT}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TilerError('STORE_CONFLICT', `${attempted}: found no JSON; ${WAY_OUT}`, { cause: error });
  }
}

/** The same for who writes a new one over it: null also for a document that is no manifest. */
export async function readManifestIfWhole(
  store: Pick<TileStore, 'label' | 'getDocument'>,
  options: StoreCallOptions,
): Promise<Manifest | null> {
  try {
    return await readManifest(store, options);
  } catch (error) {
    if (isTilerError(error) && error.code === 'STORE_CONFLICT') return null;
    throw error;
  }
}

/** Writes the manifest with its keys in one fixed order. */
export async function writeManifest(store: TileStore, manifest: Manifest, options: StoreCallOptions): Promise<void> {
  const { v, requestHash, generation, state, version, sourceMinzoom, counts, failures, leftOut } = manifest;
  const { plan, update, sweeps, keepsParts, parts, made } = manifest;
  const result = { v, requestHash, generation, state, version, sourceMinzoom, counts, failures, leftOut };
  const ordered = { ...result, plan, update, sweeps, keepsParts, parts, made };
  await store.putDocument(MANIFEST_NAME, `${JSON.stringify(ordered, null, 2)}\n`, 'application/json', options);
}

/** Failures as a manifest lists them: ordered by zoom, column and row, and not more than `MANIFEST_FAILURES`. */
export function manifestFailures(failures: readonly TileFailure[]): NonNullable<Manifest['failures']> {
  return [...failures]
    .sort((a, b) => a.tile.z - b.tile.z || a.tile.x - b.tile.x || a.tile.y - b.tile.y)
    .slice(0, MANIFEST_FAILURES)
    .map(({ tile: { z, x, y }, code, message, asset = null }) => {
      return { tile: `${z}/${x}/${y}`, code, message, ...(asset === null ? {} : { asset }) };
    });
}

interface ListedLeftOut extends LeftOut {
  readonly scenes: LeftOutScene[];
}

/** The beginning of a manifest, the same from a run's start to its end. */
export function manifestHead(
  { minzoom, sourceMinzoom = minzoom }: TilesetRequest,
  { requestHash, generation }: Pick<Manifest, 'requestHash' | 'generation'>,
): Pick<Manifest, 'v' | 'requestHash' | 'generation' | 'sourceMinzoom'> {
  return { v: 1, requestHash, generation, ...(sourceMinzoom > minzoom ? { sourceMinzoom } : {}) };
}

/** What the manifest of a run says until it is complete, so that another process can go on with it. */
export function manifestOfRun(
  request: TilesetRequest,
  { update, sweeps, keepsParts }: RunMode,
  before: Manifest | null,
): Pick<Manifest, 'plan' | 'update' | 'sweeps' | 'keepsParts' | 'parts' | 'made'> {
  const { parts, made } = before ?? {};
  const { only, baseline, changedTilesFile } = update ?? {};
  return {
    plan: planFieldsOf(request),
    ...(baseline === undefined
      ? {}
      : { update: { only: only ?? null, baseline: baseline.id, changedTilesFile: changedTilesFile ?? null } }),
    ...(sweeps ? { sweeps } : {}),
    ...(keepsParts ? { keepsParts } : {}),
    // Those of a version that an update begins with; other runs begin without.
    ...(parts === undefined || parts !== baseline?.id ? {} : { parts }),
    ...(made === undefined ? {} : { made }),
  };
}

/** What was left out as a manifest lists it: not more than `MANIFEST_LEFT_OUT` scenes; nothing if nothing was. */
export function manifestLeftOut({ tiles, scenes }: LeftOut): { readonly leftOut?: ListedLeftOut } {
  return tiles === 0 ? {} : { leftOut: { tiles, scenes: scenes.slice(0, MANIFEST_LEFT_OUT) } };
}

/** Names a run: the start of `runHash` of its request, and the generation. Of letters, digits and `-`. */
export function runId(runHash: string, generation: number): string {
  return `${runHash.slice(0, 16)}-${generation}`;
}
