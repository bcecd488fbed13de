import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { boxPolygon } from '../support/stac-items.ts';
import type { PgStac } from '../support/pgstac.ts';
import { startRangeServer } from '../support/range-server.ts';
import type { RangeServer } from '../support/range-server.ts';
import { writeCog } from '../support/synthetic-cog.ts';
import type { Bbox } from '../../src/geo/bbox.ts';

/** Scenes that are there when the month begins, besides the real ones. */
const MADE_SCENES = 20;

const COLLECTION = 'sentinel-2-l2a';

interface Item {
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly assets: Readonly<Record<string, { readonly href: string }>>;
}

/** A scene as it is in the catalog: a real one, or one that is made. */
interface MonthScene {
  readonly item: Item;
  /** Of a made one. */
  readonly made: { readonly bbox: Bbox; readonly seed: number } | null;
}

/** A catalog on a real server that changes as catalogs do, and the files of its scenes. */
export interface MonthCatalog extends AsyncDisposable {
  readonly files: RangeServer;
  readonly size: () => number;
  /** Something happens to the catalog; in words. */
  change(): Promise<string>;
}

/** Fills a server with the real Sentinel-2 scenes of two dates, and with made ones among them. */
export async function startMonthCatalog(data: string, server: PgStac, random: () => number): Promise<MonthCatalog> {
  const files = await startRangeServer();
  const sentinel = join(data, 's2-33TW-mosaic');
  await server.addCollection(JSON.parse(await readFile(join(sentinel, 'collection.json'), 'utf8')) as object);
  const month = new Month(server, files, random);
  for (const entry of await readdir(sentinel, { withFileTypes: true })) {
    if (entry.isDirectory()) await month.put(await readReal(join(sentinel, entry.name), files));
  }
  for (let i = 0; i < MADE_SCENES; i++) await month.add();
  return {
    files,
    size: () => month.scenes.size,
    change: () => month.change(),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}

async function readReal(folder: string, files: RangeServer): Promise<MonthScene> {
  const id = basename(folder);
  const item = JSON.parse(await readFile(join(folder, `${id}.json`), 'utf8')) as Item;
  const path = `/${id}/B04.tif`;
  files.put(path, await readFile(join(folder, 'B04.tif')));
  const red = { ...item.assets['red'], href: `${files.url}${path}` };
  return { item: { ...item, assets: { red } }, made: null };
}

class Month {
  readonly scenes = new Map<string, MonthScene>();
  private readonly server: PgStac;
  private readonly files: RangeServer;
  private readonly random: () => number;
  private readonly withdrawn: MonthScene[] = [];
  private made = 0;
  private clock = Date.parse('2023-09-01T00:00:00Z');

  constructor(server: PgStac, files: RangeServer, random: () => number) {
    this.server = server;
    this.files = files;
    this.random = random;
  }

  async put(scene: MonthScene): Promise<void> {
    this.scenes.set(scene.item.id, scene);
    await this.server.putItem(COLLECTION, scene.item);
  }

  async add(): Promise<string> {
    const id = `made-${String(this.made++).padStart(3, '0')}`;
    const datetime = new Date(this.clock - Math.floor(this.random() * 30) * 86_400_000).toISOString();
    const properties = { datetime, updated: this.now(), 'proj:epsg': 4326 };
    await this.put(this.makeScene({ id, properties, assets: {} }, this.place(), this.made));
    return `${id} added`;
  }

  async change(): Promise<string> {
    const roll = this.random();
    const [id, scene] = this.choose();
    if (roll < 0.3 || this.scenes.size < 8) return await this.add();
    if (roll < 0.45) return await this.withdraw(id, scene);
    if (roll < 0.55) return await this.giveBack();
    if (roll < 0.7) return await this.renew(id, scene);
    if (roll < 0.8) return await this.move(id, scene);
    if (roll < 0.9) {
      await this.put(this.touched(scene));
      return `${id} updated without a change`;
    }
    for (const each of this.scenes.values()) await this.put(this.touched(each));
    return 'all updated without a change';
  }

  private async withdraw(id: string, scene: MonthScene): Promise<string> {
    this.scenes.delete(id);
    this.withdrawn.push(scene);
    await this.server.removeItem(COLLECTION, id);
    return `${id} withdrawn`;
  }

  private async giveBack(): Promise<string> {
    const scene = this.withdrawn.pop();
    if (scene === undefined) return await this.add();
    await this.put(scene);
    return `${scene.item.id} back again`;
  }

  /** A made scene gets another file at the same address, a real one the same file at another address. */
  private async renew(id: string, scene: MonthScene): Promise<string> {
    const { made } = scene;
    if (made !== null) {
      await this.put(this.makeScene(this.touched(scene).item, made.bbox, made.seed + 1_000));
      return `${id} with another file`;
    }
    const path = `/${id}/${this.now()}/B04.tif`;
    const { href } = scene.item.assets['red'] ?? { href: '' };
    this.files.put(path, new Uint8Array(await (await fetch(href)).arrayBuffer()));
    const red = { ...scene.item.assets['red'], href: `${this.files.url}${path}` };
    await this.put({ ...scene, item: { ...this.touched(scene).item, assets: { red } } });
    return `${id} at another address`;
  }

  private async move(id: string, scene: MonthScene): Promise<string> {
    if (scene.made === null) return await this.renew(id, scene);
    await this.put(this.makeScene(this.touched(scene).item, this.place(), scene.made.seed));
    return `${id} moved`;
  }

  private choose(): readonly [string, MonthScene] {
    const all = [...this.scenes];
    const chosen = all[Math.floor(this.random() * all.length)];
    if (chosen === undefined) throw new Error('A month without a scene');
    return chosen;
  }

  private touched(scene: MonthScene): MonthScene {
    const properties = { ...scene.item.properties, updated: this.now() };
    return { ...scene, item: { ...scene.item, properties } };
  }

  private now(): string {
    return new Date((this.clock += 1_000)).toISOString();
  }

  private place(): Bbox {
    const degrees = 0.1 + Math.floor(this.random() * 4) / 10;
    const west = 15 + Math.floor(this.random() * 100) / 100;
    const south = 45.1 + Math.floor(this.random() * 140) / 100;
    return [west, south, west + degrees, south + degrees];
  }

  private makeScene({ id, properties }: Item, bbox: Bbox, seed: number): MonthScene {
    const path = `/${id}/red.tif`;
    this.files.put(path, madeFile(bbox, seed));
    const assets = { red: { href: `${this.files.url}${path}`, type: 'image/tiff; application=geotiff' } };
    const fields = { type: 'Feature', stac_version: '1.0.0', collection: COLLECTION, links: [] };
    return {
      item: { ...fields, id, bbox, geometry: boxPolygon(bbox), properties, assets } as Item,
      made: { bbox, seed },
    };
  }
}

const PIXELS_PER_DEGREE = 1_000;

function madeFile([west, , east, north]: Bbox, seed: number): Uint8Array {
  const size = Math.round((east - west) * PIXELS_PER_DEGREE);
  const band = Uint16Array.from({ length: size ** 2 }, (_, i) => {
    const [col, row] = [i % size, Math.floor(i / size)];
    // A corner without data shows what is under the scene.
    return col + row < size / 3 ? 0 : 1 + ((col * 7 + row * 13 + seed * 331) % 3_000);
  });
  const transform = [1 / PIXELS_PER_DEGREE, 0, west, 0, -1 / PIXELS_PER_DEGREE, north] as const;
  return writeCog({ width: size, height: size, bands: [band], epsg: 4326, transform, nodata: 0, overviews: 2 });
}
