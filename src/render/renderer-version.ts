/**
 * The version of what makes pixels and tiles of scenes. It is raised with every change after which the same request, the
 * same scenes and the same files may give other bytes than before: of warping, masks, pixel selection, style, encoders,
 * the codecs that are depended on, and how metatiles get their scenes. Updates then render every tile again; without it
 * they would keep tiles that a full run would make differently.
 */
export const RENDERER_VERSION = 1;
