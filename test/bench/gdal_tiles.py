"""Renders tiles as fast as GDAL can: files are open, their blocks cached, and a tile is warped straight to its grid.

Two ways are measured, gdal.Warp for every tile and a window of one warped VRT, and the quicker one counts. PNG is
written at zlevel 1, without an alpha band. A job as JSON on standard input, a result as JSON on standard output; see
`TilesJob` in tile-job.ts. Rendering is timed, start-up and a first round that fills the caches are not.
"""

import json
import sys
import time

from osgeo import gdal

gdal.UseExceptions()
gdal.SetCacheMax(4 << 30)

HALF = 20037508.342789244
KERNELS = {"nearest": "near", "bilinear": "bilinear", "cubic": "cubic"}
OPTIONS = {"PNG": ["ZLEVEL=1"], "JPEG": ["QUALITY=85"], "WEBP": ["QUALITY=80", "METHOD=2"]}

job = json.load(sys.stdin)
size, tiles = job["tileSize"], job["tiles"]
kernel = KERNELS[job["kernel"]]
# The last one is on top.
paths = list(reversed(list(dict.fromkeys(path for tile in tiles for path in tile["files"]))))
opened = {path: gdal.Open(path) for path in paths}
if job["selection"] == "mean":
    opened = {"mean": gdal.BuildVRT("", paths, pixelFunction="mean", srcNodata=job["nodata"], VRTNodata=job["nodata"])}
    for tile in tiles:
        tile["files"] = ["mean"]
driver = gdal.GetDriverByName(job["format"])


def bounds(tile):
    side = 2 * HALF / 2 ** tile["z"]
    west, north = -HALF + tile["x"] * side, HALF - tile["y"] * side
    return [west, north - side, west + side, north]


def encode(dataset):
    if job["rescale"] is not None:
        scale = [[*job["rescale"], 0, 255]] * dataset.RasterCount
        dataset = gdal.Translate("", dataset, format="MEM", outputType=gdal.GDT_Byte, scaleParams=scale)
    driver.CreateCopy("/vsimem/tile", dataset, options=OPTIONS[job["format"]])
    length = gdal.VSIStatL("/vsimem/tile").size
    file = gdal.VSIFOpenL("/vsimem/tile", "rb")
    encoded = gdal.VSIFReadL(1, length, file)
    gdal.VSIFCloseL(file)
    gdal.Unlink("/vsimem/tile")
    return len(encoded)


def warp_options():
    return {"dstSRS": "EPSG:3857", "resampleAlg": kernel, "srcNodata": job["nodata"]}


def by_warp():
    for tile in tiles:
        sources = [opened[path] for path in reversed(tile["files"])]
        yield gdal.Warp("", sources, format="MEM", outputBounds=bounds(tile), width=size, height=size, **warp_options())


def by_vrt():
    columns, rows = [tile["x"] for tile in tiles], [tile["y"] for tile in tiles]
    west, _, _, north = bounds({"z": tiles[0]["z"], "x": min(columns), "y": min(rows)})
    _, south, east, _ = bounds({"z": tiles[0]["z"], "x": max(columns), "y": max(rows)})
    width, height = (max(columns) - min(columns) + 1) * size, (max(rows) - min(rows) + 1) * size
    grid = {"outputBounds": [west, south, east, north], "width": width, "height": height}
    vrt = gdal.Warp("", next(iter(opened.values())), format="VRT", **grid, **warp_options())
    for tile in tiles:
        window = [(tile["x"] - min(columns)) * size, (tile["y"] - min(rows)) * size, size, size]
        yield gdal.Translate("", vrt, format="MEM", srcWin=window)


ways = {"gdal.Warp": by_warp}
if len(opened) == 1:
    ways["WarpedVRT"] = by_vrt
best = None
for name, way in ways.items():
    for round_number in range(1 + job["rounds"]):
        # What a VRT computed is forgotten; the blocks of its files stay.
        for vrt in [opened[key] for key in opened if key == "mean"]:
            vrt.FlushCache()
        wall, cpu = time.perf_counter(), time.process_time()
        sizes = [encode(dataset) for dataset in way()]
        taken = {"wallSeconds": time.perf_counter() - wall, "cpuSeconds": time.process_time() - cpu}
        if round_number > 0 and (best is None or taken["cpuSeconds"] < best["cpuSeconds"]):
            best = {**taken, "bytes": sum(sizes), "written": len(sizes), "way": name}
print(json.dumps(best))
