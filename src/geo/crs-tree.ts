import { unreadableCrs } from './crs-problem.ts';

/** A node of WKT: its keyword in capitals, and what stands between its brackets. Bare words are strings too. */
export interface CrsNode {
  readonly keyword: string;
  readonly values: readonly CrsValue[];
}

export type CrsValue = string | number | CrsNode;

/** The longest of EPSG's own definitions has 9 KB. */
const MAX_WKT_LENGTH = 64 * 1024;

/** A compound of a bound of a derived system is 12 deep. */
const MAX_WKT_DEPTH = 32;

/** A keyword with its bracket, a quoted text ("" is a quote in it), a number, a bare word, or a sign. */
const TOKEN =
  /\s*(?:([A-Za-z_][A-Za-z0-9_]*)\s*([[(])|"((?:[^"]|"")*)"|([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-z_][^\s,\])"[(]*)|([,\])]))/uy;

/**
 * Reads WKT 1 or WKT 2 into nodes. What comes after the first node is not read: Esri appends a vertical system there.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if it is longer or deeper than any CRS, or no WKT
 */
export function parseWkt(text: string): CrsNode {
  if (text.length > MAX_WKT_LENGTH) {
    throw unreadableCrs(`it has ${text.length} characters, read are up to ${MAX_WKT_LENGTH}`);
  }
  const open: { keyword: string; values: CrsValue[] }[] = [];
  const token = new RegExp(TOKEN);
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [, keyword, , quoted, number, word, sign] = match;
    const top = open.at(-1);
    if (keyword !== undefined) {
      const node = { keyword: keyword.toUpperCase(), values: [] };
      top?.values.push(node);
      open.push(node);
      if (open.length > MAX_WKT_DEPTH) throw unreadableCrs(`its WKT is nested more than ${MAX_WKT_DEPTH} deep`);
    } else if (top === undefined) {
      break;
    } else if (quoted !== undefined) {
      top.values.push(quoted.replaceAll('""', '"'));
    } else if (number !== undefined) {
      top.values.push(Number(number));
    } else if (word !== undefined) {
      top.values.push(word);
    } else if (sign !== ',') {
      open.pop();
      if (open.length === 0) return top;
    }
  }
  throw unreadableCrs(`its WKT does not end properly: ${JSON.stringify(text.slice(0, 60))}`);
}

/** The first child with one of the keywords; null = there is none. */
export function childOf(node: CrsNode, ...keywords: readonly string[]): CrsNode | null {
  return childrenOf(node, ...keywords)[0] ?? null;
}

/** All children with one of the keywords, in their order. */
export function childrenOf({ values }: CrsNode, ...keywords: readonly string[]): readonly CrsNode[] {
  return values.filter((value): value is CrsNode => typeof value === 'object' && keywords.includes(value.keyword));
}

/** The first value, which is the name; empty without one. */
export function nameOf({ values: [name] }: CrsNode): string {
  return typeof name === 'string' ? name : '';
}

/**
 * A value that has to be a number.
 *
 * @throws TilerError `ASSET_UNSUPPORTED`
 */
export function numberAt({ keyword, values }: CrsNode, index: number): number {
  const value = values[index];
  // Some writers quote numbers.
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw unreadableCrs(`value ${index + 1} of its ${keyword} is no number`);
}

/** The code that EPSG has for it; null = none is stated. */
export function epsgCodeOf(node: CrsNode): number | null {
  const id = childOf(node, 'ID', 'AUTHORITY');
  if (id === null || nameOf(id).toUpperCase() !== 'EPSG') return null;
  const code = Number(id.values[1]);
  return Number.isInteger(code) && code > 0 ? code : null;
}
