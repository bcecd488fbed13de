import { TilerError } from '../src/errors.ts';
import { RENDERER_VERSION } from '../src/render/renderer-version.ts';
import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import type { TilesetVersion, VersionsDocument } from '../src/store/versions.ts';
import { readManifest, readManifestIfWhole } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { isSamePlan } from './run-update.ts';
import type { PlanFields, RunUpdate } from './run-update.ts';

/** How to go about an output, from what its manifest says. */
export type RunStart =
  | { readonly kind: 'complete'; readonly manifest: Manifest }
  | {
      readonly kind: 'render';
      readonly generation: number;
      /** An unfinished run of the same request is continued. */
      readonly continues: boolean;
      /** Tiles may be there already, so an empty tile must delete what is at its address. */
      readonly overwrite: boolean;
      /**
       * There if it is an update. One that begins has, as `only`, what an update before it has left undone, or null if no
       * metatile can be left out.
       */
      readonly update?: RunUpdate;
      /** Tiles of other plans may be there, which are to be deleted in the end. */
      readonly sweeps?: true;
      /** An update: what was handed on is not of the version that it begins with. */
      readonly dropsParts?: true;
      /** Of a run that is continued: its tiles are published, and what is left is to say so. */
      readonly isPublished?: true;
    };

type Render = Extract<RunStart, { kind: 'render' }>;

export interface DecideOptions extends StoreCallOptions {
  readonly force: boolean;
  /** Of the request. An unfinished run of another plan is not continued. Absent = not compared. */
  readonly plan?: PlanFields;
  /** A tileset that is complete is to be brought up to date, also by another request. Default false. */
  readonly isUpdate?: boolean;
}

/**
 * Decides whether a request may be rendered to an output: anew, as a continuation, as an update, or not at all.
 *
 * The same request continues an unfinished run and leaves a complete one alone. Another request, or tiles of unknown
 * origin, are only written over with `force`. An update begins with the current version; where there is none, it is a run
 * like others.
 *
 * @throws TilerError `STORE_CONFLICT`
 */
export async function decideStart(store: TileStore, requestHash: string, options: DecideOptions): Promise<RunStart> {
  const { force, plan, isUpdate = false } = options;
  const manifest = await (force ? readManifestIfWhole : readManifest)(store, options);
  if (manifest === null) return await decideWithoutManifest(store, options);
  if (force) return await startAnew(store, manifest, options);
  const isSameRequest = manifest.requestHash === requestHash;
  const mayChange = isUpdate && (manifest.state === 'complete' || manifest.update !== undefined);
  if (!isSameRequest && !mayChange) {
    throw new TilerError(
      'STORE_CONFLICT',
      `Rendering to ${store.label}: found tiles of another request, expected none or those of this one; ` +
        '--force writes over them',
    );
  }
  if (mayChange) return await decideUpdate(store, manifest, requestHash, options);
  if (manifest.state === 'complete') return { kind: 'complete', manifest };
  const isOther = plan !== undefined && manifest.plan !== undefined && !isSamePlan(plan, manifest.plan);
  const sweeps = manifest.update === undefined ? {} : ({ sweeps: true } as const);
  if (isOther) return { ...(await startAnew(store, manifest, options)), ...sweeps };
  return await decideContinuation(store, manifest, options);
}

async function startAnew(store: TileStore, { generation }: Manifest, { signal }: StoreCallOptions): Promise<Render> {
  const versions = await store.versions({ signal });
  const start = { kind: 'render', continues: false, overwrite: true } as const;
  return { ...start, generation: generationAfter(versions, generation) };
}

async function decideWithoutManifest(store: TileStore, { force, signal }: DecideOptions): Promise<RunStart> {
  const versions = await store.versions({ signal });
  const occupied = versions !== null || (await holdsTiles(store, signal));
  if (occupied && !force) {
    throw new TilerError(
      'STORE_CONFLICT',
      `Rendering to ${store.label}: found tiles without tilewright.json, expected an empty output; --force writes over them`,
    );
  }
  return { kind: 'render', generation: generationAfter(versions, 0), continues: false, overwrite: occupied };
}

async function decideContinuation(
  store: TileStore,
  { generation, requestHash, update, made, plan, sweeps }: Manifest,
  options: StoreCallOptions,
): Promise<Render> {
  const versions = await store.versions(options);
  const newest = versions?.versions[0];
  const isPublished = newest?.generation === generation && newest.requestHash === requestHash;
  const start = { kind: 'render', generation, continues: true, overwrite: true } as const;
  const common = { ...start, ...(sweeps === undefined ? {} : { sweeps }), ...(isPublished ? { isPublished } : {}) };
  if (update === undefined) return common;
  // What a published update began with may be gone, and is not needed any more.
  const found = versions?.versions.find(({ id }) => id === update.baseline);
  const baseline = found ?? (isPublished ? newest : undefined);
  // Without it, all is to be rendered.
  if (baseline === undefined)
    return { ...start, generation: generationAfter(versions, generation), continues: false, sweeps: true };
  const base = madeOf({ made }, baseline.id);
  const basePlan = base === null || plan === undefined || isSamePlan(base.plan, plan) ? null : base.plan;
  return { ...common, update: { ...update, baseline, basePlan } };
}

async function decideUpdate(
  store: TileStore,
  manifest: Manifest,
  requestHash: string,
  { plan, signal }: DecideOptions,
): Promise<Render> {
  const versions = await store.versions({ signal });
  const generation = generationAfter(versions, manifest.generation);
  const start = { kind: 'render', generation, continues: false, overwrite: true } as const;
  const baseline = versions?.versions.find(({ id }) => id === versions.current);
  const left = manifest.state === 'complete' ? null : manifest;
  const base = baseline === undefined ? null : (madeOf(manifest, baseline.id) ?? madeByLast(left, baseline));
  // Of what an abandoned update has left, indices would have another meaning.
  const isMixed = left?.plan !== undefined && plan !== undefined && !isSamePlan(left.plan, plan);
  if (baseline === undefined || base === null || plan === undefined || isMixed) return { ...start, sweeps: true };
  const isSame = isSamePlan(base.plan, plan);
  const canBeCut = isSame && baseline.requestHash === requestHash && base.renderer === RENDERER_VERSION;
  const only = canBeCut && left?.update?.only !== null ? (left?.update?.only ?? '') : null;
  const dropsParts = left === null && manifest.parts !== undefined && manifest.parts !== baseline.id;
  return {
    ...start,
    update: { only, baseline, basePlan: isSame ? null : base.plan, changedTilesFile: null },
    ...(isSame && left?.sweeps !== true ? {} : { sweeps: true }),
    ...(dropsParts ? { dropsParts } : {}),
  };
}

/** Of a new run: later than all that were published. */
function generationAfter(versions: VersionsDocument | null, generation: number): number {
  return 1 + Math.max(generation, ...(versions?.versions ?? []).map((version) => version.generation));
}

type Made = Pick<NonNullable<Manifest['made']>[number], 'plan' | 'renderer'>;

/** How a version was made; null if that is not known. */
function madeOf({ made = [] }: Pick<Manifest, 'made'>, version: string): Made | null {
  return made.find(({ versions }) => versions.includes(version)) ?? null;
}

/** The same of a version whose run was killed between publishing it and saying so. */
function madeByLast(left: Manifest | null, { generation }: TilesetVersion): Made | null {
  return left?.plan === undefined || left.generation !== generation ? null : { plan: left.plan, renderer: 0 };
}

async function holdsTiles(store: TileStore, signal: AbortSignal): Promise<boolean> {
  for await (const _ of store.list({ signal })) return true;
  return false;
}
