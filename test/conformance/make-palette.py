"""Makes arrays/palette.json.gz, the expected tiles of palette.test.ts: files with a palette, written by GDAL, and their
tiles in colour, by gdalwarp and then `gdal_translate -expand rgba`.

usage: python3 make-palette.py FOLDER     (osgeo.gdal 3.13 or later, numpy)
"""
import base64, gzip, json, os, sys
import numpy as np
from osgeo import gdal, osr

gdal.UseExceptions()
osr.UseExceptions()
OUT = sys.argv[1]
HALF = 20037508.342789244
WIDTH, HEIGHT, SIZE = 150, 130, 256
# name, EPSG code, origin (west, north), pixel size, nodata, classes, options
FILES = [
    ('bytes', 32633, 480000.0, 5200000.0, 60.0, 0, 40, []),
    ('without-nodata', 3857, 1500000.0, 6000000.0, 40.0, None, 11, []),
    ('four-bits', 4326, 12.0, 48.0, 0.0007, 15, 16, ['NBITS=4']),
    ('every-value', 3857, 1500000.0, 6000000.0, 40.0, 255, 256, ['COMPRESS=LZW', 'PREDICTOR=1']),
]
# zoom, kernel, GDAL's name of it
TILES = [(14, 'nearest', 'near'), (12, 'mode', 'mode')]


def colour(value):
    return tuple(int(part) for part in ((value * 37 + 5) % 256, (value * 91 + 17) % 256, (value * 151 + 200) % 256))


def write(path, epsg, west, north, pixel, nodata, classes, options):
    ds = gdal.GetDriverByName('GTiff').Create(path, WIDTH, HEIGHT, 1, gdal.GDT_Byte, ['TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=64'] + (options or ['COMPRESS=DEFLATE']))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(epsg)
    ds.SetProjection(srs.ExportToWkt())
    ds.SetGeoTransform([west, pixel, 0, north, 0, -pixel])
    table = gdal.ColorTable()
    for value in range(classes):
        table.SetColorEntry(value, colour(value) + (255,))
    band = ds.GetRasterBand(1)
    band.SetColorTable(table)
    if nodata is not None:
        band.SetNoDataValue(nodata)
    col, row = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    band.WriteArray(((col // 9 * 7 + row // 6 * 5 + (col + row) // 31) % classes).astype('u1'))
    ds.Close()


def tile_over(epsg, west, north, pixel, z):
    """The tile in which the middle of the file lies."""
    source, target = osr.SpatialReference(), osr.SpatialReference()
    source.ImportFromEPSG(epsg)
    target.ImportFromEPSG(3857)
    source.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    x, y, _ = osr.CoordinateTransformation(source, target).TransformPoint(west + pixel * WIDTH / 2, north - pixel * HEIGHT / 2)
    size = 2 * HALF / 2 ** z
    return int((x + HALF) // size), int((HALF - y) // size)


def expand(path, bounds, kernel):
    warped = gdal.Warp('', path, format='MEM', dstSRS='EPSG:3857', outputBounds=bounds, width=SIZE, height=SIZE, resampleAlg=kernel, errorThreshold=1e-6, dstAlpha=True)
    alpha = warped.GetRasterBand(2).ReadAsArray()
    indices = gdal.GetDriverByName('MEM').Create('', SIZE, SIZE, 1, gdal.GDT_Byte)
    source = gdal.Open(path)
    indices.GetRasterBand(1).SetColorTable(source.GetRasterBand(1).GetColorTable())
    indices.GetRasterBand(1).WriteArray(warped.GetRasterBand(1).ReadAsArray())
    rgba = gdal.Translate('', indices, format='MEM', rgbExpand='rgba').ReadAsArray()
    rgba[:, alpha == 0] = 0
    return rgba.transpose(1, 2, 0), int((rgba[3] != 0).sum())


cases = []
for name, epsg, west, north, pixel, nodata, classes, options in FILES:
    path = f'/vsimem/{name}.tif'
    write(path, epsg, west, north, pixel, nodata, classes, options)
    file = gdal.VSIFOpenL(path, 'rb')
    content = gdal.VSIFReadL(1, 1 << 20, file)
    gdal.VSIFCloseL(file)
    for z, kernel, gdal_kernel in TILES:
        x, y = tile_over(epsg, west, north, pixel, z)
        size = 2 * HALF / 2 ** z
        bounds = [-HALF + x * size, HALF - (y + 1) * size, -HALF + (x + 1) * size, HALF - y * size]
        rgba, valid = expand(path, bounds, gdal_kernel)
        assert valid > 0, (name, z)
        cases.append({'name': name, 'tile': {'z': z, 'x': x, 'y': y}, 'kernel': kernel, 'valid': valid,
                      'file': base64.b64encode(bytes(content)).decode(), 'rgba': base64.b64encode(rgba.tobytes()).decode()})
document = json.dumps({'gdal': gdal.VersionInfo('RELEASE_NAME'), 'size': SIZE, 'cases': cases})
with open(os.path.join(OUT, 'palette.json.gz'), 'wb') as out:
    out.write(gzip.compress(document.encode(), 9, mtime=0))
print(len(document), os.path.getsize(os.path.join(OUT, 'palette.json.gz')), [(c['name'], c['tile'], c['kernel'], c['valid']) for c in cases])
