import { createRequire } from 'node:module';

interface StyleSpec {
  readonly validateStyleMin: (style: object) => readonly { readonly message: string }[];
}

/** What MapLibre's own validator, the one of the version that is installed, finds wrong with a style. */
export function styleProblems(style: object): readonly string[] {
  // It is a dependency of MapLibre, found from there.
  const fromMapLibre = createRequire(createRequire(import.meta.url).resolve('maplibre-gl/package.json'));
  const spec = fromMapLibre('@maplibre/maplibre-gl-style-spec') as StyleSpec;
  return spec.validateStyleMin(style).map(({ message }) => message);
}
