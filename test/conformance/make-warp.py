"""Makes arrays/warp.bin.gz and arrays/warp.json, the expected arrays of warp.test.ts, with gdalwarp.

usage: python3 make-warp.py FOLDER     (osgeo.gdal 3.13 or later, numpy)

The sources are computed, here and in warp.test.ts, by the same formula; only the results are stored: for each case the
bands, then the mask (255 = valid), little-endian, one case after another.
"""
import gzip, json, math, os, sys
import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
osr.UseExceptions()
OUT = sys.argv[1]
WIDTH, HEIGHT, SIZE = 52, 44, 24
HALF = 20037508.342789244
DTYPES = [('uint8', gdal.GDT_Byte, 0, 3), ('uint16', gdal.GDT_UInt16, 0, 1),
          ('int16', gdal.GDT_Int16, -32768, 2), ('float32', gdal.GDT_Float32, -9999, 1)]
# EPSG code, origin (west, north), pixel size
PLACES = [(32633, 480000.0, 5200000.0, 120.0), (32733, 300000.0, 7800000.0, 30.0), (4326, 12.0, 48.0, 0.004),
          (3857, 1500000.0, 6000000.0, 40.0), (32601, 281500.0, 5600000.0, 300.0)]
KERNELS = [('nearest', 'near'), ('bilinear', 'bilinear'), ('cubic', 'cubic'), ('average', 'average'), ('lanczos', 'lanczos'),
           ('mode', 'mode'), ('min', 'min'), ('max', 'max'), ('median', 'med')]
SCALES = [1.7, 1.0, 0.6, 0.3]


def sample(dtype, nodata, band):
    """Noise of about the contrast that imagery has, with a wedge of nodata in the upper left corner and a hole."""
    col, row = np.meshgrid(np.arange(WIDTH, dtype=np.uint64), np.arange(HEIGHT, dtype=np.uint64))
    key = (col * 73856093) ^ (row * 19349663) ^ np.uint64(band * 83492791)
    noise = (((key & 0xFFFFFFFF) * 2654435761 & 0xFFFFFFFF) >> 16 & 0xFF).astype('f8')
    value = {'uint8': 1 + noise % 255, 'uint16': 1 + noise * 20, 'int16': noise * 20 - 2500, 'float32': noise * 0.125 + 1000}[dtype]
    value[(col + 2 * row < 20) | ((col == 30) & (row == 25))] = nodata
    return value.astype(dtype)


def source(place, kind):
    epsg, west, north, pixel = place
    dtype, code, nodata, bands = kind
    ds = gdal.GetDriverByName('MEM').Create('', WIDTH, HEIGHT, bands, code)
    ds.SetGeoTransform([west, pixel, 0, north, 0, -pixel])
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(epsg)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    ds.SetSpatialRef(srs)
    for b in range(bands):
        ds.GetRasterBand(b + 1).WriteArray(sample(dtype, nodata, b))
    return ds


def grid(ds, scale, number):
    """A square of SIZE pixels: in turn over the middle, the upper left and the lower right corner of the scene."""
    transformer = gdal.Transformer(ds, None, ['DST_SRS=EPSG:3857'])

    def at(col, row):
        return transformer.TransformPoint(0, col, row)[1][:2]
    share = (0.5, 0.12, 0.9)[number % 3]
    (x, y), (x1, y1) = at(WIDTH * share, HEIGHT * share), at(WIDTH * share + 1, HEIGHT * share)
    pixel = math.hypot(x1 - x, y1 - y) / scale
    west, north = x - pixel * SIZE / 2, y + pixel * SIZE / 2
    if abs(x) > HALF * 0.98:
        # Up to the antimeridian and no farther, from either side.
        west = HALF - pixel * SIZE if x > 0 else -HALF
    return [west, north - pixel * SIZE, west + pixel * SIZE, north]


cases, chunks = [], []
for p, place in enumerate(PLACES):
    for k, (kernel, alg) in enumerate(KERNELS):
        for s, scale in enumerate(SCALES):
            kind = DTYPES[(p + k + s) % len(DTYPES)]
            ds = source(place, kind)
            bounds = grid(ds, scale, p + k + 2 * s)
            result = gdal.Warp('', ds, format='MEM', dstSRS='EPSG:3857', outputBounds=bounds, width=SIZE, height=SIZE,
                               resampleAlg=alg, errorThreshold=1e-6, dstAlpha=True, srcNodata=kind[2],
                               warpOptions=['UNIFIED_SRC_NODATA=YES']).ReadAsArray()
            mask = np.where(result[-1] > 0, 255, 0).astype('u1')
            data = result[:-1].astype(kind[0])
            data[:, mask == 0] = 0
            chunks.append(data.astype(data.dtype.newbyteorder('<')).tobytes() + mask.tobytes())
            cases.append(dict(epsg=place[0], transform=[place[3], 0, place[1], 0, -place[3], place[2]], bounds=bounds,
                              kernel=kernel, scale=scale, dtype=kind[0], bands=kind[3], valid=int((mask > 0).sum())))
with open(os.path.join(OUT, 'warp.bin.gz'), 'wb') as f:
    f.write(gzip.compress(b''.join(chunks), 9, mtime=0))
with open(os.path.join(OUT, 'warp.json'), 'w') as f:
    f.write(json.dumps(dict(gdal=gdal.VersionInfo('RELEASE_NAME'), width=WIDTH, height=HEIGHT, size=SIZE, cases=cases), indent=1) + '\n')
print(len(cases), 'cases, valid', sum(c['valid'] for c in cases), 'empty', sum(c['valid'] == 0 for c in cases))
