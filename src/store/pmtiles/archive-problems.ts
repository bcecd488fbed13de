/** A severity: whoever reads stumbles over an `error`; a `warning` costs bytes or time, or misleads. */
type Severity = 'error' | 'warning';

/** What can be wrong with an archive by itself. */
export const ARCHIVE_PROBLEMS = {
  HEADER: 'error',
  FILE_LENGTH: 'error',
  SECTION_OUTSIDE: 'error',
  SECTIONS_OVERLAP: 'error',
  LEAF_OFFSET_ZERO: 'warning',
  METADATA: 'error',
  DIRECTORY: 'error',
  LEAF_OUTSIDE: 'error',
  LEAF_START: 'error',
  LEAF_DEPTH: 'warning',
  LEAVES_OVERLAP: 'error',
  TILE_ID_ORDER: 'error',
  TILE_ID_RANGE: 'error',
  RUN_OVERLAP: 'error',
  TILE_OUTSIDE: 'error',
  CONTENT_OVERLAP: 'error',
  NOT_CLUSTERED: 'error',
  CLUSTERED_UNSAID: 'warning',
  UNUSED_BYTES: 'warning',
  COUNT_ADDRESSED: 'error',
  COUNT_ENTRIES: 'error',
  COUNT_CONTENTS: 'error',
  ZOOM_RANGE: 'error',
  CENTER: 'error',
  BBOX: 'error',
  TILES_OUTSIDE_BBOX: 'warning',
  COMPRESSION: 'error',
  TILE_TYPE: 'error',
  TILE_CORRUPT: 'error',
  TILE_SIZE: 'error',
} as const satisfies Record<string, Severity>;

/** What can be wrong with the tiles of anything finished when they are seen beside each other. */
const COVERAGE_PROBLEMS = {
  HOLE: 'error',
  HOLE_AT_BORDER: 'warning',
  SEAM: 'error',
  SEAM_AT_ANTIMERIDIAN: 'warning',
  SEAM_INSIDE: 'error',
  TILE_OUT_OF_PLACE: 'warning',
} as const satisfies Record<string, Severity>;

/** What can be wrong between the tiles of a tileset, its records and its documents. */
export const TILESET_PROBLEMS = {
  VERSIONS: 'error',
  ARCHIVE_MISSING: 'error',
  ARCHIVE_LENGTH: 'error',
  POINTER: 'error',
  RECORDS: 'error',
  RECORDS_COUNT: 'error',
  RECORDED_TWICE: 'error',
  PLAN: 'error',
  TILE_FAILED: 'error',
  TILE_MISSING: 'error',
  TILE_EXTRA: 'error',
  TILE_NOT_EMPTY: 'error',
  TILE_LENGTH: 'error',
  TILE_DIGEST: 'error',
  DOCUMENTS: 'error',
} as const satisfies Record<string, Severity>;

/** Every kind of problem, in the order in which they are listed. */
const PROBLEMS = { ...ARCHIVE_PROBLEMS, ...TILESET_PROBLEMS, ...COVERAGE_PROBLEMS };

export type ProblemCode = keyof typeof PROBLEMS;

/** One kind of problem of a tileset: how often it was found, and the first places. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  readonly count: number;
  readonly messages: readonly string[];
}

const MAX_MESSAGES = 10;

/** Collects problems, as many messages of each kind as a person reads. */
export class ProblemList {
  private readonly found = new Map<ProblemCode, { count: number; readonly messages: string[] }>();

  /** @param message - made only if it is kept: there may be millions */
  add(code: ProblemCode, message: string | (() => string)): void {
    const known = this.found.get(code) ?? { count: 0, messages: [] };
    known.count++;
    if (known.messages.length < MAX_MESSAGES) known.messages.push(typeof message === 'string' ? message : message());
    this.found.set(code, known);
  }

  /** Takes over what was found elsewhere. */
  addAll(problems: readonly Problem[]): void {
    for (const { code, count, messages } of problems) {
      const known = this.found.get(code) ?? { count: 0, messages: [] };
      known.count += count;
      known.messages.push(...messages.slice(0, MAX_MESSAGES - known.messages.length));
      this.found.set(code, known);
    }
  }

  has(code: ProblemCode): boolean {
    return this.found.has(code);
  }

  /** In the order of the lists above. */
  list(): readonly Problem[] {
    return Object.entries(PROBLEMS).flatMap(([code, severity]) => {
      const found = this.found.get(code as ProblemCode);
      return found === undefined ? [] : [{ code: code as ProblemCode, severity, ...found }];
    });
  }
}
