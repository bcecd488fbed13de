import type * as z from 'zod';
import { TilerError } from '../../src/errors.ts';
import { editDistance } from '../../src/did-you-mean.ts';

/** One thing that is wrong with a request: the field, and what was found there and what was expected. */
export interface Problem {
  /** As in JavaScript: `mosaic.sortby[0]`; empty for the whole document. */
  readonly path: string;
  readonly text: string;
}

/** A problem in the usual words. */
export function problem(path: string, value: unknown, expected: string): Problem {
  return { path, text: `found ${shown(value)}, expected ${expected}` };
}

/** All problems as one error, a line each, so that a request is corrected once and not field by field. */
export function requestError(label: string, problems: readonly Problem[]): TilerError {
  const lines = problems.map(({ path, text }) => `  ${path === '' ? 'the document' : path}: ${text}`);
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new TilerError('REQUEST_INVALID', `Reading ${label}: ${count}\n${lines.join('\n')}`);
}

const MAX_SHOWN = 80;

/** A value as a message shows it: short, and an URL without user, password and query string. */
function shown(value: unknown): string {
  if (value === undefined) {
    return 'nothing';
  }
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' ? withoutSecrets(inner) : inner,
  );
  if (text === undefined) {
    return typeof value;
  }
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

function withoutSecrets(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text.replace(/\/\/[^/?#]*@/, '//').replace(/[?#].*$/s, '') : text;
}

/** A path in text: `['mosaic', 'sortby', 0]` is `mosaic.sortby[0]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
}

/** What a field should hold, where the schema's own words say too little. Indices are left out of the paths. */
const EXPECTED: Readonly<Record<string, string>> = {
  '': 'a JSON object',
  area: 'an object with exactly one of "bbox", "geometry" and "file"',
  'area.bbox': '[west, south, east, north] in degrees',
  'area.geometry.type': '"Polygon" or "MultiPolygon"',
  'mosaic.type': '"stac"',
  'mosaic.url': 'an http or https URL',
  'mosaic.sortby[]': 'the name of a property, with - before it for descending',
  rescale: 'a list of [from, to] pairs',
  'rescale[]': '[from, to]',
  colormap: '"source", "none" or { "value": [red, green, blue, alpha], … }',
};

/** What zod found, as problems. `known` gives the fields that an object at a path may have. */
export function problemsOfZod(
  error: z.ZodError,
  input: unknown,
  known: (path: string) => readonly string[],
): readonly Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, [], input, known));
}

type Issue = z.core.$ZodIssue;

function problemsOfIssue(
  issue: Issue,
  base: readonly PropertyKey[],
  input: unknown,
  known: (path: string) => readonly string[],
): readonly Problem[] {
  const keys = [...base, ...issue.path];
  const path = pathText(keys);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownField(pathText([...keys, key]), key, known(path)));
  }
  if (issue.code === 'invalid_union') {
    const option = issue.errors.find((issues) => issues.every((inner) => isInside(inner, valueAt(input, keys))));
    if (option !== undefined) {
      return option.flatMap((inner) => problemsOfIssue(inner, keys, input, known));
    }
  }
  return [problem(path, valueAt(input, keys), EXPECTED[path.replaceAll(/\[\d+\]/g, '[]')] ?? expectedBy(issue))];
}

/** True if an issue of a union's option lies in a field that is there: the user meant that option and filled it wrongly. */
function isInside(issue: Issue, value: unknown): boolean {
  return issue.path.length > 0 && valueAt(value, issue.path.slice(0, 1)) !== undefined;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    input,
  );
}

function unknownField(path: string, key: string, known: readonly string[]): Problem {
  const near = known.find((name) => isNear(plain(key), plain(name)));
  const help = near === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${JSON.stringify(near)}?`;
  return { path, text: `unknown field${known.length === 0 ? '' : help}` };
}

/** `tile_size`, `tileSize` and `TileSize` are the same word. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** True if at most two letters differ, or one in a word of up to five. */
function isNear(a: string, b: string): boolean {
  return editDistance(a, b) <= (b.length <= 5 ? 1 : 2);
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a string',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  tuple: 'an array',
};

const UNIT_NAMES: Readonly<Record<string, string>> = { array: ' items', string: ' characters' };

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case 'too_small':
      return `at least ${issue.minimum}${UNIT_NAMES[issue.origin] ?? ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${UNIT_NAMES[issue.origin] ?? ''}`;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'invalid_union':
      return [...new Set(issue.errors.flat().map(expectedBy))].join(' or ');
    default:
      return issue.message;
  }
}
