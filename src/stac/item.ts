import type { MultiPolygon, Polygon } from 'geojson';
import { TilerError } from '../errors.ts';

/** A page may hold more than was asked for (servers round `limit`), but not any number. */
const MAX_ITEMS_PER_PAGE = 20_000;

/** Item IDs and collection IDs go into messages, sort keys and manifests. */
const MAX_ID_LENGTH = 1024;

/** Positions of one footprint. Landsat and Sentinel-2 items have 5 to 100, dissolved swaths some thousands. */
const MAX_POSITIONS = 100_000;

/**
 * One STAC Item as the search gave it. `bbox` has 4 or 6 numbers, longitude first, in degrees. `properties` and `assets`
 * are as the server sent them: look fields up with `ownField`, never by plain indexing.
 */
export interface StacItem {
  readonly id: string;
  readonly collection: string | null;
  /** Null also for geometries without area, which say nothing about where an item has pixels. */
  readonly geometry: Polygon | MultiPolygon | null;
  readonly bbox: readonly number[] | null;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly assets: Readonly<Record<string, unknown>>;
  readonly links: readonly unknown[];
}

/** One page of a search, its items checked; `links` are not. */
export interface SearchPage {
  readonly items: readonly StacItem[];
  readonly links: readonly unknown[];
  /** How many items the whole search has, as the server counts or estimates; null where it does not say. */
  readonly matched: number | null;
}

/** True for a JSON object: not null, not an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a field of a JSON object, or undefined: fields named like members of `Object.prototype` are not found there. */
export function ownField(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * Gives the items of one search answer.
 *
 * @param document - the parsed JSON body
 * @param where - what was asked, for messages: `page 2 of the search at …`
 * @throws TilerError `STAC_RESPONSE_INVALID` when the document is no item collection or one of its items is broken; the
 * message names the item and the field. One broken item fails the page: leaving it out would be a quiet hole.
 */
export function parseSearchPage(document: unknown, where: string): SearchPage {
  const features = isObject(document) ? ownField(document, 'features') : undefined;
  if (!isObject(document) || !Array.isArray(features)) {
    throw invalid(`Reading ${where}: expected a GeoJSON FeatureCollection of items, found ${describe(document)}.`);
  }
  if (features.length > MAX_ITEMS_PER_PAGE) {
    throw invalid(
      `Reading ${where}: found ${features.length} items on one page, expected at most ${MAX_ITEMS_PER_PAGE}.`,
    );
  }
  const links = ownField(document, 'links');
  return {
    items: features.map((feature: unknown, index) => parseItem(feature, index, where)),
    links: Array.isArray(links) ? links : [],
    matched: matchedOf(document),
  };
}

/** `numberMatched` of OGC API Features, or `matched` of the context extension that came before it. */
function matchedOf(document: Readonly<Record<string, unknown>>): number | null {
  const context = ownField(document, 'context');
  const matched = ownField(document, 'numberMatched') ?? (isObject(context) ? ownField(context, 'matched') : null);
  return typeof matched === 'number' && matched >= 0 ? matched : null;
}

function parseItem(feature: unknown, index: number, where: string): StacItem {
  const id = isObject(feature) ? ownField(feature, 'id') : undefined;
  const fail: Fail = (field, expected) => {
    const name = typeof id === 'string' && id !== '' ? `item '${id.slice(0, 200)}'` : `item number ${index + 1}`;
    return new TilerError(
      'STAC_RESPONSE_INVALID',
      `Reading ${where}: ${name} is broken: ${field === '' ? 'the item itself' : `field '${field}'`}: expected ${expected}.`,
      typeof id === 'string' ? { context: { itemId: id.slice(0, 200) } } : {},
    );
  };
  if (!isObject(feature)) throw fail('', 'an object');
  return readItem(feature, fail);
}

/** Makes the error of a field that is not as it should be. */
type Fail = (field: string, expected: string) => TilerError;

/**
 * The parts of a STAC Item that are read; the rest is dropped. STAC 1.0, 1.1 and the 1.0.0-beta shapes pass, and items
 * thinned out by the fields extension as well: whatever is missing is taken as unknown. Written out, as every render
 * process would have to load a library of schemas for this alone.
 */
function readItem(item: Readonly<Record<string, unknown>>, fail: Fail): StacItem {
  const id = (field: string, value: unknown): string => {
    if (typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH) return value;
    throw fail(field, `a text of 1 to ${MAX_ID_LENGTH} characters`);
  };
  // Only the object is checked, not its values: an asset or a property that nobody asks for cannot break an item.
  const bag = (field: string): Readonly<Record<string, unknown>> => {
    const value = ownField(item, field) ?? {};
    if (isObject(value)) return value;
    throw fail(field, 'an object');
  };
  const collection = ownField(item, 'collection') ?? null;
  const links = ownField(item, 'links') ?? [];
  if (!Array.isArray(links)) throw fail('links', 'a list');
  return {
    id: id('id', ownField(item, 'id')),
    collection: collection === null ? null : id('collection', collection),
    geometry: readGeometry(ownField(item, 'geometry') ?? null, fail),
    bbox: readBbox(ownField(item, 'bbox') ?? null, fail),
    properties: bag('properties'),
    assets: bag('assets'),
    links,
  };
}

function readBbox(bbox: unknown, fail: Fail): readonly number[] | null {
  if (bbox === null) return null;
  if (!Array.isArray(bbox)) throw fail('bbox', '4 or 6 numbers');
  const wrong = bbox.findIndex((value: unknown) => !Number.isFinite(value));
  if (wrong >= 0) throw fail(`bbox.${wrong}`, 'a number');
  if (bbox.length !== 4 && bbox.length !== 6) throw fail('bbox', `4 or 6 numbers, found ${bbox.length}`);
  return bbox as readonly number[];
}

function readGeometry(geometry: unknown, fail: Fail): Polygon | MultiPolygon | null {
  if (geometry === null) return null;
  if (!isObject(geometry)) throw fail('geometry', 'an object');
  const type = ownField(geometry, 'type');
  if (typeof type !== 'string') throw fail('geometry.type', 'a text');
  if (type !== 'Polygon' && type !== 'MultiPolygon') return null;
  const coordinates = ownField(geometry, 'coordinates');
  const positions = countPositions(coordinates, type === 'Polygon' ? 2 : 3);
  if (positions !== null && positions <= MAX_POSITIONS) return { type, coordinates } as Polygon | MultiPolygon;
  throw fail('geometry.coordinates', `at most ${MAX_POSITIONS} positions of finite numbers, nested as a ${type}'s`);
}

/** Positions in nested coordinate arrays, or null if the nesting is wrong or a number is not finite. */
function countPositions(value: unknown, depth: number): number | null {
  if (!Array.isArray(value)) return null;
  if (depth === 0) {
    const [lng, lat] = value as readonly unknown[];
    return Number.isFinite(lng) && Number.isFinite(lat) ? 1 : null;
  }
  let sum = 0;
  for (const part of value as readonly unknown[]) {
    const count = countPositions(part, depth - 1);
    if (count === null) return null;
    sum += count;
  }
  return sum;
}

function describe(document: unknown): string {
  if (!isObject(document)) return document === null ? 'null' : Array.isArray(document) ? 'an array' : typeof document;
  const type = ownField(document, 'type');
  return typeof type === 'string' ? `an object of type '${type.slice(0, 60)}'` : 'an object without features';
}

function invalid(message: string): TilerError {
  return new TilerError('STAC_RESPONSE_INVALID', message);
}
