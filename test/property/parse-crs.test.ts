import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTilerError } from '../../src/errors.ts';
import { CRS84, transformerBetween } from '../../src/geo/crs.ts';
import { parseCrs } from '../../src/geo/parse-crs.ts';
import { readCrsRows } from '../support/crs-points.ts';

const texts = readCrsRows('crs-definitions.json.gz').map(({ text }) => text);

const GOOD = /^(read|ASSET_UNSUPPORTED)$/u;

/** What comes of reading and using a CRS: what is not read is an error of ours and nothing else. */
function outcomeOf(value: unknown): string {
  try {
    const [xs, ys] = [Float64Array.of(9), Float64Array.of(45)];
    transformerBetween(CRS84, parseCrs(value)).transform(xs, ys);
    return Number.isNaN(xs[0]!) === Number.isNaN(ys[0]!) ? 'read' : 'half a point';
  } catch (error) {
    return isTilerError(error) ? error.code : String(error);
  }
}

test('a definition that is cut and pasted gives a CRS or the error of one that is not read', () => {
  const part = fc.tuple(fc.constantFrom(...texts), fc.nat(), fc.nat(400));
  fc.assert(
    fc.property(part, part, ([text, at, length], [other, from, size]) => {
      const start = at % text.length;
      const pasted = other.slice(from % other.length, (from % other.length) + size);
      expect(outcomeOf(text.slice(0, start) + pasted + text.slice(start + length))).toMatch(GOOD);
    }),
    { numRuns: 2000 },
  );
});

test('so does any JSON, and PROJJSON with any JSON in one of its fields', () => {
  const projjson = texts.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as object);
  const fields = ['base_crs', 'conversion', 'coordinate_system', 'datum', 'type', 'source_crs', 'transformation'];
  fc.assert(
    fc.property(fc.constantFrom(...projjson), fc.constantFrom(...fields), fc.jsonValue(), (json, field, value) => {
      expect(outcomeOf(value)).toMatch(GOOD);
      expect(outcomeOf({ ...json, [field]: value })).toMatch(GOOD);
    }),
    { numRuns: 2000 },
  );
});
