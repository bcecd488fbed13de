"""Renders tiles the way rio-tiler is used: every tile opens its files and reads them through a WarpedVRT.

A job as JSON on standard input, a result as JSON on standard output; see `TilesJob` in tile-job.ts. Rendering is timed,
start-up is not.
"""

import json
import os
import sys
import time

os.environ.setdefault("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR")

from rio_tiler.errors import EmptyMosaicError
from rio_tiler.io import Reader
from rio_tiler.mosaic import mosaic_reader
from rio_tiler.mosaic.methods.defaults import FirstMethod, MeanMethod

SELECTIONS = {"first": FirstMethod, "mean": MeanMethod}

job = json.load(sys.stdin)
kernel, size, nodata = job["kernel"], job["tileSize"], job["nodata"]
options = {"resampling_method": kernel, "reproject_method": kernel, "tilesize": size}
if nodata is not None:
    options["nodata"] = nodata
profile = {"PNG": {}, "JPEG": {"quality": 85}, "WEBP": {"quality": 80}}[job["format"]]


def read(path, x, y, z):
    with Reader(path) as source:
        return source.tile(x, y, z, **options)


def read_image(tile):
    z, x, y = tile["z"], tile["x"], tile["y"]
    if not job["isMosaic"]:
        return read(tile["files"][0], x, y, z)
    image, _ = mosaic_reader(tile["files"], read, x, y, z, threads=0, pixel_selection=SELECTIONS[job["selection"]]())
    return image


def render(tile):
    if not tile["files"]:
        return 0
    try:
        image = read_image(tile)
    except EmptyMosaicError:
        return 0
    if not image.mask.any():
        return 0
    if job["rescale"] is not None:
        image.rescale(in_range=[tuple(job["rescale"])])
    if image.array.dtype != "uint8":
        image.array = image.array.astype("uint8")
    encoded = image.render(img_format=job["format"], **profile)
    if job["output"] is not None:
        path = f"{job['output']}/{tile['z']}/{tile['x']}"
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/{tile['y']}.{job['format'].lower()}", "wb") as file:
            file.write(encoded)
    return len(encoded)


for tile in job["tiles"][:4]:
    render(tile)
best = None
for _ in range(job["rounds"]):
    wall, cpu = time.perf_counter(), time.process_time()
    sizes = [render(tile) for tile in job["tiles"]]
    taken = {"wallSeconds": time.perf_counter() - wall, "cpuSeconds": time.process_time() - cpu}
    if best is None or taken["cpuSeconds"] < best["cpuSeconds"]:
        written = sum(size > 0 for size in sizes)
        best = {**taken, "bytes": sum(sizes), "written": written, "way": "Reader.tile"}
print(json.dumps(best))
