import type { CogFile } from '../cog/cog.ts';
import type { FileVersions } from '../cog/file-versions.ts';
import { labelOf } from '../cog/href-label.ts';
import { isTilerError } from '../errors.ts';
import { sceneName } from '../mosaic/scene-reader.ts';
import type { Scene } from '../mosaic/scene.ts';
import { pixelsOfVersion, placeOfVersion } from '../stac/scene-version.ts';
import { hrefOfFile, signatureOf } from './make-inputs.ts';
import type { SignatureBasis } from './make-inputs.ts';
import type { FileInput, MetatileInputs, SceneInput } from './metatile-inputs.ts';

/**
 * The inputs that a metatile has now, with the files that are known of them, if they give what the known ones gave as long
 * as those files are the same; null if they may not.
 *
 * They do with the same signature. With `isTopOnly`, where a tile is done as soon as scenes fill it, they also do if the
 * scenes that were read are the same in the same order, and others differ only in what was not looked at: one of which
 * nothing was read was touched by full tiles alone, and is so in the same place of the same stack, or gone.
 */
export function matchInputs(
  now: MetatileInputs,
  known: MetatileInputs,
  { basis, isTopOnly }: { readonly basis: SignatureBasis; readonly isTopOnly: boolean },
): MetatileInputs | null {
  if (known.scenes.some(({ leftOut }) => leftOut === true)) return null;
  // All but the scenes is as it was if these scenes would give the signature again.
  const ofKnownScenes = (): string => signatureOf(basis, { ...now, scenes: known.scenes });
  const isSame =
    now.signature === known.signature ||
    (isTopOnly && ofKnownScenes() === known.signature && hasSameTop(now.scenes, known.scenes));
  if (!isSame) return null;
  const files = new Map(known.scenes.map((input) => [input.scene, input.files]));
  return { ...now, scenes: now.scenes.map((input) => ({ ...input, files: files.get(input.scene) ?? [] })) };
}

function hasSameTop(now: readonly SceneInput[], known: readonly SceneInput[]): boolean {
  const read = known.filter(isRead);
  /** Of scenes of which nothing was read: where they lie, and how many that were read lie above them. */
  const unread = new Map<string, { readonly place: string; readonly above: number }>();
  let above = 0;
  for (const input of known) {
    if (isRead(input)) above++;
    else unread.set(input.scene, { place: placeOfVersion(input.version), above });
  }
  let met = 0;
  for (const { scene, version } of now) {
    const next = read[met];
    if (scene === next?.scene) {
      if (pixelsOfVersion(version) !== pixelsOfVersion(next.version)) return false;
      met++;
      continue;
    }
    const before = unread.get(scene);
    if (before === undefined || before.place !== placeOfVersion(version) || met < before.above) return false;
  }
  return met === read.length;
}

function isRead({ files }: SceneInput): boolean {
  return files.length > 0;
}

/**
 * True if every file that the inputs name is the one that is there now. A file of which nothing says its version is not,
 * unless its item states its content: then the scene has another version as well.
 *
 * @param scenes - those of the inputs, as they are now
 * @throws the reason of an abort
 */
export async function hasSameFiles(
  inputs: MetatileInputs,
  scenes: readonly Scene[],
  versions: FileVersions | null,
  { signal }: { readonly signal: AbortSignal },
): Promise<boolean> {
  const byName = new Map(scenes.map((scene) => [sceneName(scene), scene]));
  const files = inputs.scenes.flatMap(({ scene, files: ofScene }) =>
    ofScene.map((file) => ({ file, scene: byName.get(scene) })),
  );
  try {
    const same = await Promise.all(
      files.map(async ({ file, scene }) => scene !== undefined && (await isSameFile(file, scene, versions, signal))),
    );
    return same.every(Boolean);
  } catch (error) {
    // Rendering says what is wrong with a file, if anything is.
    if (isTilerError(error)) return false;
    throw error;
  }
}

const SUFFIXES: readonly CogFile['suffix'][] = ['', '.ovr', '.msk', '.msk.ovr'];

async function isSameFile(
  file: FileInput,
  { assets }: Scene,
  versions: FileVersions | null,
  signal: AbortSignal,
): Promise<boolean> {
  const ref = assets.find(({ key }) => key === file.key);
  const suffix = SUFFIXES.find((ending) => ref !== undefined && labelOf(hrefOfFile(ref.href, ending)) === file.href);
  if (ref === undefined || suffix === undefined) return false;
  // Its item says what is in it, and a server may say nothing. What a server says counts all the same: a file that is
  // written over while it is open is read as it was, after its item says what it has become.
  if (suffix === '' && ref.checksum !== undefined && file.version === null) return true;
  if (file.version === null || versions === null) return false;
  return (await versions.versionOf(hrefOfFile(ref.href, suffix), { signal })) === file.version;
}
