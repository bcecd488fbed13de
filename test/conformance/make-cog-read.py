"""Makes what cog-read.test.ts compares with: what GDAL reads.

    python3 make-cog-read.py fixtures > cog-read.fixtures.json
    python3 make-cog-read.py real DATA_FOLDER > cog-read.real.json
    python3 make-cog-read.py sidecars > cog-read.sidecars.json

`fixtures` writes small files of every encoding that is read and puts them, and digests of their pixels, into one
document. `real` puts digests of windows of real files into one. `sidecars` writes files with overviews and masks beside
them, and digests of every level. A digest is the first 16 hexadecimal digits of SHA-256
over the bands one behind the other (alpha left out), in little-endian samples, and another over the mask.

Made with GDAL 3.13.3 of Debian sid. GDAL must be built with libjpeg-turbo: IJG's libjpeg 9 (in rasterio's wheels)
upsamples the colours of JPEG in another way.
"""

import base64
import gzip
import hashlib
import json
import os
import random
import sys

import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
gdal.PushErrorHandler("CPLQuietErrorHandler")


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()[:16]


def digests(dataset, level, col, row, width, height):
    first = dataset.GetRasterBand(1)
    alpha = [n for n in range(dataset.RasterCount) if dataset.GetRasterBand(n + 1).GetColorInterpretation() == gdal.GCI_AlphaBand]

    def band(n):
        one = dataset.GetRasterBand(n + 1)
        return one if level == 0 else one.GetOverview(level - 1)

    arrays = [band(n).ReadAsArray(col, row, width, height) for n in range(dataset.RasterCount)]
    bands = np.stack([array for n, array in enumerate(arrays) if n not in alpha])
    nodata = first.GetNoDataValue()
    if nodata is not None:
        value = np.array(nodata).astype(bands.dtype)
        hidden = np.isnan(bands) if np.isnan(nodata) else bands == value
        mask = np.where(hidden.all(axis=0), 0, 255).astype("u1")
    elif alpha:
        mask = arrays[alpha[0]].astype("u1")
    else:
        mask = band(0).GetMaskBand().ReadAsArray(col, row, width, height)
    return digest(bands), digest(mask)


def levels(dataset):
    first = dataset.GetRasterBand(1)
    sizes = [(first.XSize, first.YSize)]
    for n in range(first.GetOverviewCount()):
        sizes.append((first.GetOverview(n).XSize, first.GetOverview(n).YSize))
    return sizes


def real(folder):
    chance = random.Random(1)
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.join(base, name) for name in names if name.lower().endswith((".tif", ".tiff"))]
    files = {}
    for path in sorted(found):
        name = os.path.relpath(path, folder)
        if name.startswith("bad/"):
            continue
        try:
            dataset = gdal.Open(path)
        except RuntimeError:
            continue
        windows = []
        for level, (width, height) in enumerate(levels(dataset)):
            for _ in range(2):
                w, h = chance.randint(1, min(width, 700)), chance.randint(1, min(height, 700))
                col, row = chance.randint(0, width - w), chance.randint(0, height - h)
                windows.append([level, col, row, w, h, *digests(dataset, level, col, row, w, h)])
        files[name] = {"windows": windows, "transform": dataset.GetGeoTransform()}
    return {"gdal": gdal.__version__, "files": files}


# How many of the layouts below are made with each; the synthetic COGs of the unit tests cover the others.
LOSSLESS = {"DEFLATE": 8, "NONE": 4, "LZW": 4, "ZSTD": 6, "PACKBITS": 2, "LERC": 6, "LERC_DEFLATE": 2, "LERC_ZSTD": 2, "LZMA": 8}


def recipes():
    for compress, layouts in LOSSLESS.items():
        for dtype, count, interleave, predictor, endian, big, strips in [
            ("uint8", 3, "PIXEL", 2, "LITTLE", False, False),
            ("uint8", 4, "BAND", 1, "BIG", True, False),
            ("int16", 1, "BAND", 2, "BIG", False, True),
            ("uint16", 4, "PIXEL", 2, "LITTLE", True, False),
            ("int32", 2, "PIXEL", 2, "BIG", False, False),
            ("float32", 1, "BAND", 3, "LITTLE", False, False),
            ("float32", 3, "PIXEL", 3, "BIG", False, True),
            ("float64", 2, "BAND", 3, "LITTLE", False, False),
        ][:layouts]:
            options = [f"COMPRESS={compress}", f"INTERLEAVE={interleave}", f"ENDIANNESS={endian}", f"BIGTIFF={'YES' if big else 'NO'}"]
            options += ["BLOCKYSIZE=7"] if strips else ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]
            if compress in ("DEFLATE", "LZW", "ZSTD", "LZMA"):
                options.append(f"PREDICTOR={predictor}")
            yield f"{compress} {dtype}x{count} {interleave} {endian}{' BigTIFF' if big else ''}", dtype, count, options, None
    for compress in ("JPEG", "WEBP"):
        tiles = [f"COMPRESS={compress}", "TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16"]
        if compress == "JPEG":
            yield "JPEG YCbCr", "uint8", 3, [*tiles, "INTERLEAVE=PIXEL", "PHOTOMETRIC=YCBCR"], None
            yield "JPEG RGB", "uint8", 3, [*tiles, "INTERLEAVE=PIXEL", "PHOTOMETRIC=RGB"], None
            yield "JPEG grey", "uint8", 1, tiles, None
            yield "JPEG separate", "uint8", 3, [*tiles, "INTERLEAVE=BAND"], None
        else:
            yield "WebP RGB", "uint8", 3, [*tiles, "INTERLEAVE=PIXEL", "WEBP_LEVEL=75"], None
            yield "WebP RGBA lossless", "uint8", 4, [*tiles, "INTERLEAVE=PIXEL", "WEBP_LOSSLESS=YES", "ALPHA=YES"], None
    for bits, dtype in ((1, "uint8"), (2, "uint8"), (4, "uint8"), (12, "uint16")):
        yield f"{bits} bits", dtype, 1, ["COMPRESS=DEFLATE", f"NBITS={bits}", "BLOCKYSIZE=5"], None
    deflate = ["COMPRESS=DEFLATE", "INTERLEAVE=PIXEL"]
    yield "int8, strips", "int8", 1, [*deflate, "PREDICTOR=2", "BLOCKYSIZE=6"], None
    yield "int8x3", "int8", 3, [*deflate, "PREDICTOR=2"], None
    yield "uint32x2, big-endian strips", "uint32", 2, ["COMPRESS=LZW", "PREDICTOR=2", "INTERLEAVE=PIXEL", "ENDIANNESS=BIG", "BLOCKYSIZE=6"], None
    yield "float64x2 of predictor 2", "float64", 2, ["COMPRESS=ZSTD", "PREDICTOR=2", "INTERLEAVE=PIXEL"], None
    yield "uint16x3, separate strips", "uint16", 3, ["COMPRESS=DEFLATE", "PREDICTOR=2", "INTERLEAVE=BAND", "BLOCKYSIZE=6"], None
    yield "uint8x5", "uint8", 5, [*deflate, "PREDICTOR=2"], None
    yield "1 bits, separate", "uint8", 3, ["COMPRESS=LZW", "NBITS=1", "INTERLEAVE=BAND"], None
    yield "2 bits, interleaved", "uint8", 3, ["COMPRESS=PACKBITS", "NBITS=2", "INTERLEAVE=PIXEL"], None
    yield "JPEG, tables in every block", "uint8", 3, ["COMPRESS=JPEG", "TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16", "PHOTOMETRIC=YCBCR", "INTERLEAVE=PIXEL", "JPEGTABLESMODE=0"], None
    yield "JPEG strips", "uint8", 3, ["COMPRESS=JPEG", "BLOCKYSIZE=16", "PHOTOMETRIC=YCBCR", "INTERLEAVE=PIXEL"], None
    yield "JPEG grey strips, quantisation tables shared, Huffman tables not", "uint8", 1, ["COMPRESS=JPEG", "BLOCKYSIZE=8", "JPEGTABLESMODE=1"], None
    yield "PixelIsPoint", "uint8", 1, deflate, None
    yield "palette", "uint8", 1, deflate, None
    yield "scale and offset", "int16", 2, deflate, None
    yield "nodata NaN", "float32", 2, ["COMPRESS=DEFLATE", "INTERLEAVE=PIXEL"], "nan"
    yield "nodata", "uint16", 2, ["COMPRESS=LZW", "INTERLEAVE=BAND"], "7"
    yield "sparse", "uint16", 1, ["COMPRESS=DEFLATE", "SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"], "9"


def pixels(name, dtype, count, width, height):
    rows, cols = np.mgrid[0:height, 0:width]
    bands = []
    for band in range(count):
        values = (np.sin(cols / 5 + band) + np.cos(rows / 4) + 2) * 60 + (cols * 7 + rows * 3 + band) % 5
        if dtype == "uint16":
            values = values * 200
        if name == "12 bits":
            values = values / 16
        if "bits" in name and name != "12 bits":
            values = (cols * rows + cols) % (2 ** int(name.split()[0]))
        if dtype in ("int16", "int32"):
            values = values * 100 - 9000
        if dtype == "int8":
            values = values - 120
        if dtype == "uint32":
            values = values * 15_000_000
        bands.append(values.astype(dtype))
    array = np.stack(bands)
    if name == "nodata NaN":
        array[0, :9, :] = np.nan
        array[:, 5:12, 3:20] = np.nan
    if name == "nodata":
        array[0, :9, :] = 7
        array[:, 5:12, 3:20] = 7
    if name == "sparse":
        array[:, :16, :] = 9
        array[:, :, 16:32] = 9
    return array


def colours():
    table = gdal.ColorTable()
    for n in range(256):
        table.SetColorEntry(n, (n, 255 - n, (n * 7) % 256, 255))
    return table


def fixtures():
    made = {}
    spatial = osr.SpatialReference()
    spatial.ImportFromEPSG(32633)
    width, height = 33, 19
    for name, dtype, count, options, nodata in recipes():
        array = pixels(name, dtype, count, width, height)
        path = f"/vsimem/{len(made)}.tif"
        kind = gdal.GetDataTypeByName({"uint8": "Byte"}.get(dtype, dtype.capitalize().replace("Uint", "UInt")))
        dataset = gdal.GetDriverByName("GTiff").Create(path, width, height, count, kind, options)
        dataset.SetGeoTransform((500000, 10, 0, 5000000, 0, -10))
        dataset.SetProjection(spatial.ExportToWkt())
        if name == "PixelIsPoint":
            dataset.SetMetadataItem("AREA_OR_POINT", "Point")
        for n in range(count):
            band = dataset.GetRasterBand(n + 1)
            if nodata is not None:
                band.SetNoDataValue(float(nodata))
            if name == "palette":
                band.SetColorTable(colours())
            if name == "scale and offset":
                band.SetScale(0.5 + n)
                band.SetOffset(-3.25 * n)
            band.WriteArray(array[n])
        dataset = None
        size = gdal.VSIStatL(path).size
        file = gdal.VSIFOpenL(path, "rb")
        content = gdal.VSIFReadL(1, size, file)
        gdal.VSIFCloseL(file)
        dataset = gdal.Open(path)
        pixels_digest, mask_digest = digests(dataset, 0, 0, 0, width, height)
        made[name] = {"tiff": base64.b64encode(gzip.compress(bytes(content), mtime=0)).decode(), "pixels": pixels_digest, "mask": mask_digest}
        bands = [dataset.GetRasterBand(n + 1) for n in range(count)]
        if name == "palette":
            table = bands[0].GetColorTable()
            made[name]["colormap"] = digest(np.array([table.GetColorEntry(n) for n in range(256)], "u1"))
        if name == "scale and offset":
            made[name]["bandScales"] = [{"scale": band.GetScale(), "offset": band.GetOffset()} for band in bands]
        dataset = None
        gdal.Unlink(path)
    return {"gdal": gdal.__version__, "width": width, "height": height, "files": made}


# Overviews and mask inside the file, then beside it; the nodata value.
SIDECARS = {
    "overviews beside": ("", "ovr", None),
    "mask beside": ("", "msk", None),
    "overviews and mask beside": ("", "msk ovr", None),
    "overviews beside, and a mask with overviews inside": ("", "ovr msk msk-ovr", None),
    "overviews inside, and others beside": ("ovr", "ovr", None),
    "overviews inside, mask beside": ("ovr", "msk msk-ovr", None),
    "mask inside, overviews beside": ("msk", "ovr", None),
    "nodata, and a mask beside": ("", "msk", 70),
    "nodata, a mask beside, overviews of the pixels alone": ("", "ovr msk", 70),
}


def write_mask(path, inside):
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES" if inside else "NO")
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    band = dataset.GetRasterBand(1)
    rows, cols = np.mgrid[0:band.YSize, 0:band.XSize]
    band.GetMaskBand().WriteArray(np.where((cols - 20) ** 2 + (rows - 15) ** 2 < 120, 0, 255).astype("u1"))
    dataset = None


def write_overviews(path, inside, method, factors):
    dataset = gdal.Open(path, gdal.GA_Update if inside else gdal.GA_ReadOnly)
    dataset.BuildOverviews(method, factors)
    dataset = None


def sidecars():
    made = {}
    width, height = 41, 33
    gdal.SetConfigOption("COMPRESS_OVERVIEW", "DEFLATE")
    for name, (inside, beside, nodata) in SIDECARS.items():
        path = f"/vsimem/s{len(made)}.tif"
        dataset = gdal.GetDriverByName("GTiff").Create(path, width, height, 3, gdal.GDT_Byte, ["COMPRESS=LZW", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "INTERLEAVE=PIXEL"])
        dataset.SetGeoTransform((500000, 10, 0, 5000000, 0, -10))
        spatial = osr.SpatialReference()
        spatial.ImportFromEPSG(32633)
        dataset.SetProjection(spatial.ExportToWkt())
        array = pixels(name, "uint8", 3, width, height)
        array[:, 20:26, 5:15] = 70
        if nodata is not None:
            for n in range(3):
                dataset.GetRasterBand(n + 1).SetNoDataValue(nodata)
        dataset.WriteArray(array)
        dataset = None
        # Before there is a mask: overviews are then made of the pixels alone.
        if beside.startswith("ovr"):
            write_overviews(path, False, "AVERAGE", [2, 4])
        if "ovr" in inside:
            # GDAL makes them in one place only.
            if beside.startswith("ovr"):
                gdal.Rename(path + ".ovr", path + ".kept")
            write_overviews(path, True, "NEAREST", [2])
            if beside.startswith("ovr"):
                gdal.Rename(path + ".kept", path + ".ovr")
        if "msk" in inside:
            write_mask(path, True)
        if "msk" in beside.split():
            write_mask(path, False)
        if "msk-ovr" in beside.split():
            write_overviews(path + ".msk", True, "NEAREST", [2, 4])
        if beside.endswith(" ovr"):
            write_overviews(path, False, "AVERAGE", [2, 4])
        files = {}
        for suffix in ("", ".ovr", ".msk", ".msk.ovr"):
            info = gdal.VSIStatL(path + suffix)
            if info is not None:
                file = gdal.VSIFOpenL(path + suffix, "rb")
                content = gdal.VSIFReadL(1, info.size, file)
                gdal.VSIFCloseL(file)
                files[suffix] = base64.b64encode(gzip.compress(bytes(content), mtime=0)).decode()
        dataset = gdal.Open(path)
        found = []
        for level, (w, h) in enumerate(levels(dataset)):
            bands = [dataset.GetRasterBand(n + 1) for n in range(3)]
            own = bands[0].GetMaskBand()
            own = [own.GetOverview(n) for n in range(own.GetOverviewCount())]
            own = [one.ReadAsArray() for one in own if (one.XSize, one.YSize) == (w, h)]
            if level > 0:
                bands = [band.GetOverview(level - 1) for band in bands]
            array = np.stack([band.ReadAsArray() for band in bands])
            # By nodata, every band has a mask of its own; a pixel is nodata if all bands are. An overview in a file
            # beside does not know of the mask's overviews, which gdalwarp goes by: the mask of the image does.
            masks = np.stack(own or [band.GetMaskBand().ReadAsArray() for band in bands])
            found.append([w, h, digest(array), digest(masks.max(axis=0))])
        made[name] = {"files": files, "levels": found}
    return {"gdal": gdal.__version__, "files": made}


if __name__ == "__main__":
    kind = sys.argv[1]
    document = fixtures() if kind == "fixtures" else sidecars() if kind == "sidecars" else real(sys.argv[2])
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in document.pop("files").items())
    head = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in document.items())
    print("{\n" + head + '  "files": {\n' + lines + "\n  }\n}")
