const MIB = 1024 * 1024;

/** Bounds on what an untrusted file may make a reader hold; each is checked before anything is allocated. */
export interface CogLimits {
  /** All directories and their values together. */
  readonly maxHeaderBytes: number;
  /** Directories in one file: levels, masks and pages. */
  readonly maxDirectories: number;
  /** One block, as stored and as decoded. */
  readonly maxBlockBytes: number;
  /** Width × height × bands of one window. */
  readonly maxWindowSamples: number;
}

/** Room for a million blocks, blocks of 4096 × 4096 RGBA, and a window of 8192 × 8192 in three bands. */
export const DEFAULT_COG_LIMITS: CogLimits = {
  maxHeaderBytes: 16 * MIB,
  maxDirectories: 128,
  maxBlockBytes: 64 * MIB,
  maxWindowSamples: 3 * 8192 * 8192,
};
