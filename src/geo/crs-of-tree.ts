import type { NamedCrs } from './crs.ts';
import { crsOfParts } from './crs-of-parts.ts';
import { unreadableCrs } from './crs-problem.ts';
import { childOf, childrenOf, epsgCodeOf, nameOf, numberAt, type CrsNode } from './crs-tree.ts';
import type { DatumParts } from './datums.ts';
import { crsOfProjString } from './proj-string.ts';
import { parameterOf, type ParameterName } from './projection-methods.ts';

const DEGREE = Math.PI / 180;

const GEOGRAPHIC = ['GEOGCS', 'GEOGCRS', 'GEOGRAPHICCRS', 'GEODCRS', 'GEODETICCRS'];
const PROJECTED = ['PROJCS', 'PROJCRS', 'PROJECTEDCRS'];
const BASE = ['GEOGCS', 'BASEGEOGCRS', 'BASEGEODCRS'];
const COMPOUND = ['COMPD_CS', 'COMPOUNDCRS'];
const BOUND = ['BOUNDCRS'];
const ANGLE_UNITS = ['ANGLEUNIT', 'UNIT'];
const LENGTH_UNITS = ['LENGTHUNIT', 'UNIT'];

/** Shift to WGS 84 of a bound system; null = none that is read. */
type Shift = readonly number[] | null;

/**
 * The CRS that nodes of WKT describe, its axes brought to x = east, y = north. The horizontal part of a compound, the
 * source of a bound one. The definition counts and not the code that it may name, as in GDAL.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` for kinds of CRS, datums, projections, units or axes that are not read
 */
export function crsOfTree(node: CrsNode, shift: Shift = null): NamedCrs {
  const { keyword } = node;
  const isOf = (keywords: readonly string[]): boolean => keywords.includes(keyword);
  if (isOf(COMPOUND)) return crsOfTree(partOf(node, [...PROJECTED, ...GEOGRAPHIC, ...BOUND]), shift);
  if (isOf(BOUND)) return crsOfTree(sourceOf(node), shiftOf(node));
  const extension = childOf(node, 'EXTENSION');
  if (extension !== null && nameOf(extension).toUpperCase() === 'PROJ4' && typeof extension.values[1] === 'string') {
    return crsOfProjString(extension.values[1]);
  }
  if (isOf(GEOGRAPHIC)) return geographic(node, shift);
  if (isOf(PROJECTED)) return projected(node, shift);
  throw unreadableCrs(`it is a ${keyword}, expected a geographic or a projected system`);
}

function geographic(node: CrsNode, shift: Shift): NamedCrs {
  const system = childOf(node, 'CS');
  if (system !== null && nameOf(system).toLowerCase() !== 'ellipsoidal') {
    throw unreadableCrs(`its coordinates are ${nameOf(system)}, expected longitude and latitude`);
  }
  checkAxes(node);
  const unit = degreesIn(unitOf(node, ANGLE_UNITS));
  return crsOfParts({ datum: datumOf(node, shift), projection: null, unit });
}

function projected(node: CrsNode, shift: Shift): NamedCrs {
  checkAxes(node);
  const base = partOf(node, BASE);
  const datum = { ...datumOf(base, shift), projectedCode: epsgCodeOf(node) };
  const conversion = childOf(node, 'CONVERSION') ?? node;
  const method = nameOf(partOf(conversion, ['METHOD', 'PROJECTION']));
  const metres = unitOf(node, LENGTH_UNITS) ?? 1;
  const degrees = degreesIn(unitOf(base, ANGLE_UNITS));
  const parameters = new Map<ParameterName, number>();
  for (const parameter of childrenOf(conversion, 'PARAMETER')) {
    const value = numberAt(parameter, 1);
    const name = parameterOf(nameOf(parameter));
    // A parameter of a method that is not read is told by the method; a neutral one changes nothing.
    if (name !== null) parameters.set(name, valueOf(parameter, name, value, { metres, degrees }));
    else if (value !== 0 && !(value === 1 && /scale/iu.test(nameOf(parameter)))) {
      throw unreadableCrs(`its parameter '${nameOf(parameter).slice(0, 80)}' of ${value} is not read`);
    }
  }
  return crsOfParts({ datum, projection: { method, parameters }, unit: metres });
}

function valueOf(
  parameter: CrsNode,
  name: ParameterName,
  value: number,
  units: { readonly metres: number; readonly degrees: number },
): number {
  if (name === 'scale') return value;
  if (name === 'x0' || name === 'y0') return value * (ownUnit(parameter, LENGTH_UNITS) ?? units.metres);
  const own = ownUnit(parameter, ANGLE_UNITS);
  return value * (own === null ? units.degrees : degreesIn(own));
}

function datumOf(node: CrsNode, toWgs84: Shift): DatumParts {
  const datum = partOf(node, ['DATUM', 'GEODETICDATUM', 'TRF', 'ENSEMBLE']);
  const figure = childOf(datum, 'SPHEROID', 'ELLIPSOID');
  const metres = figure === null ? 1 : (ownUnit(figure, LENGTH_UNITS) ?? 1);
  const stated = childOf(datum, 'TOWGS84');
  return {
    code: epsgCodeOf(node),
    projectedCode: null,
    names: [nameOf(datum), nameOf(node)],
    ellipsoid:
      figure === null ? null : { semiMajor: numberAt(figure, 1) * metres, inverseFlattening: numberAt(figure, 2) },
    primeMeridian: primeMeridianOf(node),
    toWgs84: stated === null ? toWgs84 : stated.values.map((_, n) => numberAt(stated, n)),
  };
}

function primeMeridianOf(node: CrsNode): number {
  const meridian = childOf(node, 'PRIMEM', 'PRIMEMERIDIAN');
  if (meridian === null) return 0;
  const value = numberAt(meridian, 1);
  const own = ownUnit(meridian, ANGLE_UNITS);
  // GDAL writes that of Paris in degrees also where the unit is the grad.
  const isParis = own === null && Math.abs(value - 2.337_229_17) < 1e-7;
  return isParis ? value : value * degreesIn(own ?? unitOf(node, ANGLE_UNITS));
}

/** The shift of a bound system, if it is by the parameters of a Helmert transformation to WGS 84. */
function shiftOf(node: CrsNode): Shift {
  const transformation = childOf(node, 'ABRIDGEDTRANSFORMATION');
  const method = transformation === null ? null : childOf(transformation, 'METHOD');
  if (transformation === null || method === null) return null;
  const name = nameOf(method).toLowerCase();
  const sign = name.includes('coordinate frame') ? -1 : 1;
  if (!/geocentric translations|position vector|coordinate frame/u.test(name)) return null;
  const values = childrenOf(transformation, 'PARAMETER').map((parameter) => {
    const value = numberAt(parameter, 1);
    // Abridged, WKT has the scale itself, without a unit: 1.000002 for 2 parts per million.
    const isScale = nameOf(parameter).toLowerCase() === 'scale difference';
    return isScale && childOf(parameter, 'UNIT', 'SCALEUNIT') === null ? (value - 1) * 1e6 : value;
  });
  if (values.length === 3) return values;
  if (values.length !== 7) throw unreadableCrs(`its shift to WGS 84 has ${values.length} parameters, expected 3 or 7`);
  return values.map((value, n) => (n >= 3 && n <= 5 ? value * sign : value));
}

function sourceOf(node: CrsNode): CrsNode {
  return partOf(partOf(node, ['SOURCECRS']), [...PROJECTED, ...GEOGRAPHIC, ...COMPOUND]);
}

/** Radians or metres in the unit of a system's coordinates: that of an axis, or of the system; null = not stated. */
function unitOf(node: CrsNode, keywords: readonly string[]): number | null {
  const axis = childOf(node, 'AXIS');
  return (axis === null ? null : ownUnit(axis, keywords)) ?? ownUnit(node, keywords);
}

function ownUnit(node: CrsNode, keywords: readonly string[]): number | null {
  const unit = childOf(node, ...keywords);
  if (unit === null) return null;
  const factor = numberAt(unit, 1);
  if (factor > 0) return factor;
  throw unreadableCrs(`its unit '${nameOf(unit).slice(0, 40)}' is ${factor}`);
}

/** Degrees in a unit of so many radians, exact for degrees and grads, whose factors are rounded where they are written. */
function degreesIn(radians: number | null): number {
  const degrees = radians === null ? 1 : radians / DEGREE;
  return [1, 0.9].find((exact) => Math.abs(degrees / exact - 1) < 1e-9) ?? degrees;
}

/** Directions that mean x = east and y = north; about a pole both axes point away from it, or both to it. */
function checkAxes(node: CrsNode): void {
  const directions = childrenOf(node, 'AXIS')
    .slice(0, 2)
    .map(({ values: [, direction] }) => (typeof direction === 'string' ? direction.toLowerCase() : ''));
  const isUsual = directions.every((one) => ['east', 'north', 'other', 'unknown', 'unspecified', ''].includes(one));
  const isPolar = directions.length === 2 && directions.every((one) => one === 'south');
  if (!isUsual && !isPolar) {
    throw unreadableCrs(`its axes point to ${directions.join(' and ').slice(0, 80)}, expected east and north`);
  }
}

function partOf(node: CrsNode, keywords: readonly string[]): CrsNode {
  const part = childOf(node, ...keywords);
  if (part !== null) return part;
  throw unreadableCrs(`its ${node.keyword} has no ${keywords[0]}`);
}
