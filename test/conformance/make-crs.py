"""Makes what PROJ (through GDAL 3.13) says of coordinate systems, in three files:

arrays/crs.json               points of EPSG:3857 in other CRSs, by EPSG code
arrays/crs-definitions.json.gz  points of EPSG:4326 in CRSs, by every form in which they are written: code, WKT 1 and 2, PROJJSON, proj
arrays/crs-geo-keys.json.gz     the same for GeoTIFFs with user-defined keys, each an image of 16 x 16 pixels

usage: python3 make-crs.py FOLDER     (osgeo.gdal; no datum grids installed)
"""
import base64, gzip, json, math, os, sys
from osgeo import gdal, osr

gdal.UseExceptions()
osr.UseExceptions()
# EPSG code: longitude and latitude of a place inside its area of use
PLACES = {4326: (12.5, 41.9), 4258: (12.5, 41.9), 4269: (-100.1, 40.2), 7844: (149.1, -35.3), 32601: (-179.2, 52.1), 32633: (14.9, 46.0),
          32733: (16.2, -22.9), 32760: (178.9, -17.8), 25832: (9.1, 50.5), 26913: (-104.6, 39.7), 28355: (146.8, -36.0), 7855: (146.8, -36.0),
          2193: (172.6, -41.5), 5070: (-96.3, 41.2), 3577: (134.0, -25.0), 3031: (95.0, -70.0), 3413: (-40.0, 72.0), 2056: (7.4, 46.9),
          3035: (10.3, 52.4), 2154: (2.4, 48.6), 26711: (-117.6, 33.9), 31982: (-51.2, -20.1), 6933: (30.0, 12.0),
          31370: (4.4, 50.7), 28992: (5.4, 52.1), 27572: (2.4, 46.6), 2048: (18.5, -33.9), 5041: (20.0, 85.0), 3114: (-73.1, 4.7)}
# EPSG codes that are written out
CODES = {4326: (12.5, 41.9), 4258: (12.5, 41.9), 4269: (-100.1, 40.2), 4277: (-2.1, 53.2), 4979: (12.5, 41.9), 3857: (12.5, 41.9), 32601: (-179.2, 52.1),
         32633: (14.9, 46.0), 32733: (16.2, -22.9), 25832: (9.1, 50.5), 26913: (-104.6, 39.7), 28355: (146.8, -36.0), 7855: (146.8, -36.0),
         3035: (10.3, 52.4), 2154: (2.4, 48.6), 31370: (4.4, 50.7), 5070: (-96.3, 41.2), 3577: (134.0, -25.0), 3031: (95.0, -70.0), 3413: (-40.0, 72.0),
         3995: (20.0, 80.0), 32661: (20.0, 85.0), 5041: (20.0, 85.0), 3395: (12.0, 50.0), 3832: (170.0, 10.0), 5514: (15.5, 49.9), 5513: (15.5, 49.9),
         2056: (7.4, 46.9), 21781: (7.4, 46.9), 2193: (172.6, -41.5), 27200: (172.6, -41.5), 27700: (-2.1, 53.2), 28992: (5.4, 52.1), 2180: (19.1, 52.2),
         3763: (-8.2, 39.7), 5880: (-50.2, -12.1), 31982: (-51.2, -20.1), 6933: (30.0, 12.0), 6931: (30.0, 80.0), 2263: (-74.0, 40.8),
         2227: (-121.5, 37.8), 6350: (-96.0, 38.0), 3978: (-96.0, 60.0), 3979: (-96.0, 60.0), 3338: (-150.0, 63.0), 31467: (9.1, 50.5),
         31256: (16.4, 48.2), 23700: (19.1, 47.2), 3844: (25.0, 45.9), 2100: (23.7, 38.0), 2157: (-8.0, 53.3), 29902: (-8.0, 53.3), 3006: (15.0, 60.0),
         27572: (2.4, 46.6), 3375: (102.2, 4.1), 26931: (-133.5, 57.2), 4490: (110.0, 35.0), 2048: (18.5, -33.9), 4807: (2.4, 48.6), 4087: (10.0, 50.0),
         3408: (20.0, 70.0), 5936: (-150.0, 80.0), 26711: (-117.6, 33.9), 8857: (20.0, 30.0), 2039: (35.1, 31.7), 3414: (103.8, 1.35)}
# CRSs without a code, and places in them
STRINGS = {
    'sinusoidal on a sphere (MODIS)': ('+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs', (12.5, 41.9)),
    'degrees on a sphere': ('+proj=longlat +R=6371007.181 +no_defs', (12.5, 41.9)),
    'degrees on Bessel': ('+proj=longlat +ellps=bessel +no_defs', (2.4, 48.0)),
    'degrees from Paris': ('+proj=longlat +ellps=clrk80ign +pm=paris +no_defs', (2.4, 48.0)),
    'LAEA': ('+proj=laea +lat_0=10 +lon_0=20 +datum=WGS84 +units=m +no_defs', (22.0, 8.0)),
    'LAEA at a pole': ('+proj=laea +lat_0=-90 +lon_0=0 +datum=WGS84 +units=m +no_defs', (30.0, -75.0)),
    'LAEA on a sphere': ('+proj=laea +lat_0=45 +lon_0=-100 +R=6370997 +units=m +no_defs', (-98.0, 38.0)),
    'Albers': ('+proj=aea +lat_0=23 +lon_0=-90 +lat_1=29.5 +lat_2=45.5 +x_0=1000 +y_0=2000 +datum=NAD83 +units=m +no_defs', (-98.0, 38.0)),
    'Albers in US survey feet': ('+proj=aea +lat_0=23 +lon_0=-96 +lat_1=29.5 +lat_2=45.5 +datum=NAD83 +units=us-ft +no_defs', (-98.0, 38.0)),
    'Mercator with a scale': ('+proj=merc +lon_0=110 +k=0.997 +x_0=3900000 +y_0=900000 +datum=WGS84 +units=m +no_defs', (115.0, -5.0)),
    'Mercator with a parallel': ('+proj=merc +lat_ts=-41 +lon_0=100 +datum=WGS84 +units=m +no_defs', (105.0, -40.0)),
    'Mercator with a shift': ('+proj=merc +lat_ts=41 +lon_0=100 +ellps=krass +towgs84=23.92,-141.27,-80.9,0,0.35,0.82,-0.12 +units=m +no_defs', (51.0, 41.0)),
    'oblique Mercator A': ('+proj=omerc +no_uoff +lat_0=4 +lonc=115 +alpha=53.31582047222222 +gamma=53.13010236111111 +k=0.99984 +x_0=590476.87 +y_0=442857.65 +datum=WGS84 +units=m +no_defs', (116.0, 5.0)),
    'oblique Mercator B': ('+proj=omerc +lat_0=45 +lonc=-86 +alpha=337.25556 +gamma=337.25556 +k=0.9996 +x_0=2546731.496 +y_0=-4354009.816 +ellps=GRS80 +units=m +no_defs', (-85.0, 44.0)),
    'Swiss oblique Mercator': ('+proj=somerc +lat_0=46.9524055555556 +lon_0=7.43958333333333 +k_0=1 +x_0=1000 +y_0=2000 +ellps=bessel +towgs84=674.374,15.056,405.346,0,0,0,0 +units=m +no_defs', (7.4, 46.9)),
    'Krovak with a false origin': ('+proj=krovak +lat_0=49.5 +lon_0=24.8333333333333 +alpha=30.2881397527778 +k=0.9999 +x_0=1 +y_0=2 +ellps=bessel +units=m +no_defs', (15.5, 49.9)),
    'equidistant cylindrical on a sphere': ('+proj=eqc +lat_ts=30 +lat_0=0 +lon_0=5 +R=6371000 +units=m +no_defs', (12.5, 41.9)),
    'equidistant cylindrical': ('+proj=eqc +lat_ts=0 +lat_0=0 +lon_0=0 +datum=WGS84 +units=m +no_defs', (12.5, 41.9)),
    'transverse Mercator from Paris': ('+proj=tmerc +lat_0=0 +lon_0=0.5 +k=0.9996 +x_0=500000 +y_0=0 +ellps=intl +pm=paris +units=m +no_defs', (3.1, 45.0)),
    'transverse Mercator in feet': ('+proj=tmerc +lat_0=40 +lon_0=-75 +k=0.9999 +x_0=300000 +y_0=1000 +datum=NAD83 +units=ft +no_defs', (-75.3, 40.5)),
    'transverse Mercator on an ellipsoid of its own': ('+proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996 +x_0=400000 +y_0=-100000 +a=6377000 +rf=299 +units=m +no_defs', (-2.1, 53.2)),
    'transverse Mercator with seven parameters': ('+proj=tmerc +lat_0=0 +lon_0=21 +k=0.9999 +x_0=7500000 +y_0=0 +ellps=bessel +towgs84=577.326,90.129,463.919,5.137,1.474,5.297,2.4232 +units=m +no_defs', (21.1, 44.2)),
    'transverse Mercator far from its meridian': ('+proj=tmerc +lat_0=0 +lon_0=10 +k=1 +datum=WGS84 +units=m +no_defs', (30.0, 60.0)),
    'UTM on ED50': ('+proj=utm +zone=31 +ellps=intl +towgs84=-87,-98,-121,0,0,0,0 +units=m +no_defs', (3.1, 44.2)),
    'LCC with one parallel': ('+proj=lcc +lat_1=46.5 +lat_0=46.5 +lon_0=3 +k_0=0.99987742 +x_0=600000 +y_0=2200000 +ellps=GRS80 +units=m +no_defs', (2.4, 46.6)),
    'LCC with two parallels': ('+proj=lcc +lat_1=44 +lat_2=49 +lat_0=46.5 +lon_0=3 +x_0=700000 +y_0=6600000 +datum=WGS84 +units=m +no_defs', (2.4, 46.6)),
    'polar stereographic A': ('+proj=stere +lat_0=90 +lon_0=-45 +k=0.994 +x_0=2000000 +y_0=2000000 +datum=WGS84 +units=m +no_defs', (-40.0, 80.0)),
    'polar stereographic B, south': ('+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=10 +datum=WGS84 +units=m +no_defs', (30.0, -75.0)),
    'polar stereographic B, north': ('+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +a=6378273 +b=6356889.449 +units=m +no_defs', (-40.0, 75.0)),
    'oblique stereographic': ('+proj=stere +lat_0=40 +lon_0=10 +k=1 +datum=WGS84 +units=m +no_defs', (11.0, 42.0)),
    'double stereographic': ('+proj=sterea +lat_0=52.1561605555556 +lon_0=5.38763888888889 +k=0.9999079 +x_0=155000 +y_0=463001 +ellps=bessel +towgs84=565.4,50.3,465.6,-0.4,0.3,-1.9,4 +units=m +no_defs', (5.4, 52.1)),
    'polyconic': ('+proj=poly +lat_0=0 +lon_0=-54 +x_0=5000000 +y_0=10000000 +ellps=GRS80 +units=m +no_defs', (-50.0, -12.0)),
    'cylindrical equal area': ('+proj=cea +lat_ts=30 +lon_0=0 +datum=WGS84 +units=m +no_defs', (30.0, 12.0)),
    'Cassini': ('+proj=cass +lat_0=31.7 +lon_0=35.2 +x_0=170000 +y_0=120000 +datum=WGS84 +units=m +no_defs', (35.0, 32.0)),
    'azimuthal equidistant': ('+proj=aeqd +lat_0=40 +lon_0=10 +datum=WGS84 +units=m +no_defs', (12.0, 43.0)),
    'equidistant conic': ('+proj=eqdc +lat_0=40 +lon_0=-96 +lat_1=20 +lat_2=60 +datum=NAD83 +units=m +no_defs', (-98.0, 38.0)),
    'Mollweide': ('+proj=moll +lon_0=0 +datum=WGS84 +units=m +no_defs', (12.5, 41.9)),
    'sinusoidal': ('+proj=sinu +lon_0=10 +datum=WGS84 +units=m +no_defs', (12.5, 41.9)),
    'British grid by its datum': ('+proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +datum=OSGB36 +units=m +no_defs', (-2.1, 53.2)),
    'Robinson': ('+proj=robin +lon_0=0 +datum=WGS84 +units=m +no_defs', (12.5, 41.9)),
    'orthographic': ('+proj=ortho +lat_0=40 +lon_0=10 +datum=WGS84 +units=m +no_defs', (12.0, 43.0)),
    'geostationary': ('+proj=geos +lon_0=-75 +h=35786023 +sweep=x +ellps=GRS80 +units=m +no_defs', (-80.0, 38.0)),
    'rotated pole': ('+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39.25 +lon_0=18 +R=6371229 +no_defs', (10.0, 50.0)),
}
# codes of which files are made that do not name them
UNNAMED = (2056, 3035, 5514, 27572, 3031, 3413, 6933, 28992, 27700, 3375, 5880, 2193, 6931, 7855)
FORMS = {'wkt2-2019': 'FORMAT=WKT2_2019', 'wkt2-2015': 'FORMAT=WKT2_2015', 'wkt2-simple': 'FORMAT=WKT2_2019_SIMPLIFIED',
         'wkt1-gdal': 'FORMAT=WKT1_GDAL', 'wkt1-esri': 'FORMAT=WKT1_ESRI'}


def parsed(text):
    srs = osr.SpatialReference()
    srs.SetFromUserInput(text)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return srs


DEGREES = parsed('EPSG:4326')


def points_of(srs, place, source=DEGREES):
    transformation = osr.CoordinateTransformation(source, srs)
    points = []
    for dx, dy in ((0, 0), (0.3, -0.2), (-0.07, 0.25)):
        x, y, _ = transformation.TransformPoint(place[0] + dx, place[1] + dy)
        points.append([round(place[0] + dx, 9), round(place[1] + dy, 9), x, y])
    return points


def row_of(name, srs, place):
    return dict(name=name, unit=srs.GetLinearUnits() if srs.IsProjected() else 111320, points=points_of(srs, place))


def mercator_rows():
    mercator = parsed('EPSG:3857')
    for code, (lng, lat) in PLACES.items():
        for dx, dy in ((0, 0), (0.3, -0.2), (-0.07, 0.25)):
            x = math.radians(lng + dx) * 6378137
            y = math.log(math.tan(math.pi / 4 + math.radians(lat + dy) / 2)) * 6378137
            u, v, _ = osr.CoordinateTransformation(mercator, parsed(f'EPSG:{code}')).TransformPoint(x, y)
            yield dict(code=code, x=x, y=y, u=u, v=v)


def definition_rows():
    known = [(f'EPSG:{code}', f'EPSG:{code}', place) for code, place in CODES.items() if place]
    for name, text, place in known + [(name, text, place) for name, (text, place) in STRINGS.items()]:
        srs = parsed(text)
        texts = {'epsg': text} if name == text else {}
        for form, option in FORMS.items():
            try:
                texts[form] = srs.ExportToWkt([option])
            except RuntimeError:
                pass  # this WKT cannot say it
        try:
            texts['projjson'] = srs.ExportToPROJJSON(['MULTILINE=NO'])
            texts['proj'] = srs.ExportToProj4() if name == text else text
        except RuntimeError:
            pass
        for form, written in texts.items():
            if written:
                yield dict(row_of(name, parsed(written), place), form=form, text=written)


def geo_key_rows():
    crss = [(name, parsed(text), place) for name, (text, place) in STRINGS.items()]
    for code in UNNAMED:
        wkt = parsed(f'EPSG:{code}').ExportToWkt(['FORMAT=WKT2_2019'])
        crss.append((f'EPSG:{code} without its code', parsed(wkt[: wkt.rindex(',ID["EPSG",')] + ']'), CODES[code]))
    for name, srs, place in crss:
        for flavour, options in (('', []), (', Esri', ['GEOTIFF_KEYS_FLAVOR=ESRI_PE'])):
            path = '/vsimem/crs.tif'
            for old in (path, path + '.aux.xml'):
                if gdal.VSIStatL(old):
                    gdal.Unlink(old)
            dataset = gdal.GetDriverByName('GTiff').Create(path, 16, 16, 1, gdal.GDT_Byte, options)
            dataset.SetProjection(srs.ExportToWkt(['FORMAT=WKT2_2019']))
            dataset.SetGeoTransform([0, 1, 0, 0, 0, -1])
            dataset = None
            if gdal.VSIStatL(path + '.aux.xml'):
                continue  # the keys cannot say it
            file = gdal.VSIFOpenL(path, 'rb')
            content = gdal.VSIFReadL(1, gdal.VSIStatL(path).size, file)
            gdal.VSIFCloseL(file)
            read = parsed(gdal.Open(path).GetSpatialRef().ExportToWkt(['FORMAT=WKT2_2019']))
            yield dict(row_of(name + flavour, read, place), tiff=base64.b64encode(bytes(content)).decode())


def write(name, rows):
    path = os.path.join(sys.argv[1], name)
    text = json.dumps(list(rows), indent=None if name.endswith('.gz') else 1) + '\n'
    with open(path, 'wb') as file:
        file.write(gzip.compress(text.encode(), mtime=0) if name.endswith('.gz') else text.encode())


write('crs.json', mercator_rows())
write('crs-definitions.json.gz', definition_rows())
write('crs-geo-keys.json.gz', geo_key_rows())
