import { unreadableCrs } from './crs-problem.ts';
import type { CrsNode, CrsValue } from './crs-tree.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** A compound of a bound system is three deep. */
const MAX_DEPTH = 6;

/** The most that a projection of EPSG has is 19. */
const MAX_LIST = 64;

/** Names go into messages and are compared with short ones. */
const MAX_NAME_LENGTH = 1024;

const UNIT_FACTORS: Readonly<Record<string, number>> = { metre: 1, degree: Math.PI / 180, unity: 1 };

/**
 * Turns PROJJSON into the nodes of the WKT 2 that says the same. Fields that do not matter for where things lie are not
 * looked at.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` for what is no PROJJSON of a CRS that rasters have
 */
export function treeOfProjjson(json: unknown, depth = 0): CrsNode {
  const type = isObject(json) ? json['type'] : undefined;
  if (!isObject(json) || typeof type !== 'string' || depth > MAX_DEPTH) {
    throw unreadableCrs('it is no PROJJSON: it has no type, or is nested too deeply');
  }
  const nested = (value: unknown): CrsNode => treeOfProjjson(value, depth + 1);
  switch (type) {
    case 'CompoundCRS':
      return node('COMPOUNDCRS', nameOf(json), ...listOf(json['components']).slice(0, 1).map(nested));
    case 'BoundCRS':
      return node(
        'BOUNDCRS',
        node('SOURCECRS', nested(json['source_crs'])),
        node('ABRIDGEDTRANSFORMATION', ...operation(json['transformation'])),
      );
    case 'ProjectedCRS':
      return node(
        'PROJCRS',
        nameOf(json),
        { ...nested(json['base_crs']), keyword: 'BASEGEOGCRS' },
        node('CONVERSION', ...operation(json['conversion'])),
        ...coordinateSystem(json['coordinate_system']),
      );
    case 'GeographicCRS':
    case 'GeodeticCRS':
      return node(
        'GEOGCRS',
        nameOf(json),
        ...reference(json),
        ...coordinateSystem(json['coordinate_system']),
        ...id(json),
      );
    default:
      throw unreadableCrs(`it is a ${type.slice(0, 80)}, expected a geographic or a projected system`);
  }
}

function reference(json: JsonObject): readonly CrsValue[] {
  const datum = json['datum'] ?? json['datum_ensemble'];
  if (!isObject(datum)) throw unreadableCrs('its PROJJSON has no datum');
  const meridian = datum['prime_meridian'];
  const nodes = [node('DATUM', nameOf(datum), ...ellipsoid(datum['ellipsoid']))];
  if (isObject(meridian)) nodes.push(node('PRIMEM', nameOf(meridian), ...measure(meridian['longitude'], 'degree')));
  return nodes;
}

function ellipsoid(json: unknown): readonly CrsNode[] {
  if (!isObject(json)) return [];
  const radius = json['radius'] ?? json['semi_major_axis'];
  const [semiMajor, unit] = measure(radius, 'metre');
  const inverse = json['inverse_flattening'];
  if (typeof inverse === 'number') return [node('ELLIPSOID', nameOf(json), semiMajor, inverse, unit)];
  if (json['semi_minor_axis'] === undefined) return [node('ELLIPSOID', nameOf(json), semiMajor, 0, unit)];
  const [semiMinor] = measure(json['semi_minor_axis'], 'metre');
  const flattening = semiMajor === semiMinor ? 0 : semiMajor / (semiMajor - semiMinor);
  return [node('ELLIPSOID', nameOf(json), semiMajor, flattening, unit)];
}

/** The method and the parameters of a conversion or a transformation. */
function operation(json: unknown): readonly CrsValue[] {
  if (!isObject(json) || !isObject(json['method']))
    throw unreadableCrs('its PROJJSON has an operation without a method');
  const parameters = listOf(json['parameters']).map((parameter) => {
    if (!isObject(parameter)) throw unreadableCrs('its PROJJSON has a parameter that is no object');
    const units = parameter['unit'] === undefined ? [] : [unitOf(parameter['unit'], 'unity')];
    return node('PARAMETER', nameOf(parameter), numberOf(parameter['value']), ...units);
  });
  return [nameOf(json), node('METHOD', nameOf(json['method'])), ...parameters];
}

function coordinateSystem(json: unknown): readonly CrsNode[] {
  if (!isObject(json)) return [];
  const axes = listOf(json['axis']).map((axis) => {
    if (!isObject(axis)) throw unreadableCrs('its PROJJSON has an axis that is no object');
    const direction = typeof axis['direction'] === 'string' ? axis['direction'].slice(0, MAX_NAME_LENGTH) : '';
    return node('AXIS', nameOf(axis), direction, unitOf(axis['unit'], 'metre'));
  });
  const subtype = typeof json['subtype'] === 'string' ? json['subtype'].slice(0, MAX_NAME_LENGTH) : '';
  return [node('CS', subtype, axes.length), ...axes];
}

/** A number with its unit: alone, or as `{ value, unit }`. */
function measure(json: unknown, unit: 'metre' | 'degree'): readonly [number, CrsNode] {
  if (isObject(json)) return [numberOf(json['value']), unitOf(json['unit'], unit)];
  return [numberOf(json), unitOf(undefined, unit)];
}

function unitOf(json: unknown, otherwise: string): CrsNode {
  if (isObject(json)) return node('UNIT', nameOf(json), numberOf(json['conversion_factor']));
  const name = typeof json === 'string' ? json : json === undefined ? otherwise : '';
  const factor = Object.hasOwn(UNIT_FACTORS, name) ? UNIT_FACTORS[name] : undefined;
  if (factor === undefined)
    throw unreadableCrs('its PROJJSON has a unit that is neither metre, degree, unity nor an object');
  return node('UNIT', name, factor);
}

function id(json: JsonObject): readonly CrsNode[] {
  const stated = json['id'];
  if (!isObject(stated) || stated['authority'] !== 'EPSG') return [];
  const code = Number(stated['code']);
  return Number.isInteger(code) ? [node('ID', 'EPSG', code)] : [];
}

function listOf(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) return [];
  if (json.length > MAX_LIST)
    throw unreadableCrs(`its PROJJSON has a list of ${json.length}, read are up to ${MAX_LIST}`);
  return json;
}

function numberOf(json: unknown): number {
  if (typeof json === 'number' && Number.isFinite(json)) return json;
  throw unreadableCrs('its PROJJSON lacks a number where one is needed');
}

function nameOf(json: JsonObject): string {
  return typeof json['name'] === 'string' ? json['name'].slice(0, MAX_NAME_LENGTH) : '';
}

function node(keyword: string, ...values: readonly CrsValue[]): CrsNode {
  return { keyword, values };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
