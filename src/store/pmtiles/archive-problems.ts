/** What can be wrong with an archive. Readers stumble over an `error`; a `warning` costs bytes or time, or misleads. */
export const PROBLEMS = {
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
} as const satisfies Record<string, 'error' | 'warning'>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One kind of problem of an archive: how often it was found, and the first places. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning';
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

  has(code: ProblemCode): boolean {
    return this.found.has(code);
  }

  /** In the order of `PROBLEMS`. */
  list(): readonly Problem[] {
    return Object.entries(PROBLEMS).flatMap(([code, severity]) => {
      const found = this.found.get(code as ProblemCode);
      return found === undefined ? [] : [{ code: code as ProblemCode, severity, ...found }];
    });
  }
}
