/** `[west, south, east, north]` in degrees (OGC:CRS84). May cross the antimeridian: then west > east (RFC 7946 section 5.2). */
export type Bbox = readonly [west: number, south: number, east: number, north: number];

/** `[minX, minY, maxX, maxY]` in the units of a stated CRS. Never crosses anything: minX <= maxX. */
export type Bounds = readonly [minX: number, minY: number, maxX: number, maxY: number];
