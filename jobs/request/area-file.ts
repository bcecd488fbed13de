import type { MultiPolygon, Polygon, Position } from 'geojson';
import { geometryProblems } from './request-checks.ts';
import { pathText, problem, problemsOfZod } from './request-problem.ts';
import type { Problem } from './request-problem.ts';
import { GeometrySchema } from './request-schema.ts';

/** The area that a GeoJSON document holds, or what is wrong with it. */
export type AreaFile =
  | { readonly geometry: Polygon | MultiPolygon; readonly problems: readonly [] }
  | { readonly geometry: null; readonly problems: readonly Problem[] };

/**
 * Reads an area out of parsed GeoJSON: a Polygon, a MultiPolygon, a Feature of one, or a FeatureCollection of these,
 * which together are the area. Other members of the document and heights are left out.
 */
export function areaOfGeojson(input: unknown): AreaFile {
  const found = geometriesOf(input, []);
  const checked = found.map(({ path, value }) => checkGeometry(value, pathText(path)));
  const problems = checked.flatMap((one) => one.problems);
  const geometries = checked.flatMap((one) => (one.geometry === null ? [] : [one.geometry]));
  const [first] = geometries;
  if (problems.length > 0 || first === undefined) {
    return {
      geometry: null,
      problems: problems.length > 0 ? problems : [problem('features', [], 'at least 1 feature')],
    };
  }
  if (geometries.length === 1) {
    return { geometry: first, problems: [] };
  }
  const coordinates = geometries.flatMap((one) => (one.type === 'Polygon' ? [one.coordinates] : one.coordinates));
  return { geometry: { type: 'MultiPolygon', coordinates }, problems: [] };
}

interface Found {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

function geometriesOf(input: unknown, path: readonly PropertyKey[]): readonly Found[] {
  const { type, geometry, features } = membersOf(input);
  if (type === 'FeatureCollection' && Array.isArray(features) && path.length === 0) {
    return features.flatMap((feature: unknown, i) => geometriesOf(feature, ['features', i]));
  }
  return type === 'Feature' ? [{ path: [...path, 'geometry'], value: geometry }] : [{ path, value: input }];
}

function membersOf(input: unknown): Readonly<Record<string, unknown>> {
  return typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {};
}

function checkGeometry(value: unknown, path: string): AreaFile {
  const { type, coordinates } = membersOf(value);
  if (type !== 'Polygon' && type !== 'MultiPolygon') {
    const expected = 'a Polygon or MultiPolygon, a Feature of one, or a FeatureCollection of these';
    return { geometry: null, problems: [problem(path === '' ? 'type' : `${path}.type`, type, expected)] };
  }
  const plain = { type, coordinates: withoutHeights(coordinates) };
  const parsed = GeometrySchema.safeParse(plain);
  const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
  if (!parsed.success) {
    const problems = problemsOfZod(parsed.error, plain, () => []);
    return { geometry: null, problems: problems.map((one) => ({ ...one, path: below(one.path) })) };
  }
  const problems = geometryProblems(parsed.data, path);
  return problems.length > 0 ? { geometry: null, problems } : { geometry: parsed.data, problems: [] };
}

/** Keeps the first two numbers of every position; anything else stays as it is, for the schema to judge. */
function withoutHeights(coordinates: unknown): unknown {
  if (!Array.isArray(coordinates)) {
    return coordinates;
  }
  return typeof coordinates[0] === 'number' ? (coordinates as Position).slice(0, 2) : coordinates.map(withoutHeights);
}
