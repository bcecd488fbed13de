import type { SceneInput } from './metatile-inputs.ts';
import type { LeftOut, LeftOutScene } from './tile-renderer.ts';

/** Messages are kept this long. */
const MAX_MESSAGE_LENGTH = 500;

/** Nothing. */
export const NOTHING_LEFT_OUT: LeftOut = { tiles: 0, scenes: [] };

/** Adds up what tiles had to do without. */
export interface LeftOutTally {
  add(leftOut: LeftOut): void;
  total(): LeftOut;
}

/** Names a line of the list: a scene and the way it failed. */
export function leftOutKey({ scene, code }: Pick<LeftOutScene, 'scene' | 'code'>): string {
  return `${scene} ${code}`;
}

/**
 * Makes a tally of nothing. What it comes to does not depend on the order of what is added: of several messages the
 * first by its bytes stays, and of more than `maxScenes` lines those that are first by scene and code.
 */
export function createLeftOutTally(maxScenes = Infinity): LeftOutTally {
  const lines = new Map<string, LeftOutScene>();
  let tiles = 0;
  return {
    add(more) {
      tiles += more.tiles;
      for (const line of more.scenes) {
        const key = leftOutKey(line);
        lines.set(key, joinLines(lines.get(key), line));
        // A line that is dropped stays below all that are kept, so none is ever taken in again with half its count.
        if (lines.size > maxScenes) lines.delete([...lines.keys()].reduce((a, b) => (compareText(a, b) > 0 ? a : b)));
      }
    },
    total: () => ({
      tiles,
      scenes: [...lines].sort(([a], [b]) => compareText(a, b)).map(([, line]) => line),
    }),
  };
}

function joinLines(known: LeftOutScene | undefined, { scene, code, message, tiles }: LeftOutScene): LeftOutScene {
  const cut = message.slice(0, MAX_MESSAGE_LENGTH);
  if (known === undefined) return { scene, code, message: cut, tiles };
  return { ...known, message: compareText(cut, known.message) < 0 ? cut : known.message, tiles: known.tiles + tiles };
}

/** By the bytes of UTF-8, as Redis does. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Says of the scenes of a metatile which of them tiles had to do without. */
export function markLeftOut(scenes: readonly SceneInput[] = [], { scenes: leftOut }: LeftOut): readonly SceneInput[] {
  if (leftOut.length === 0) return scenes;
  const names = new Set(leftOut.map(({ scene }) => scene));
  return scenes.map((input) => (names.has(input.scene) ? { ...input, leftOut: true } : input));
}
