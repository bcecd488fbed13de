"""Makes arrays/crs.json: what PROJ (through GDAL) says that points of EPSG:3857 are in other CRSs, and back.

usage: python3 make-crs.py FOLDER     (osgeo.gdal; no datum grids installed)
"""
import json, math, os, sys
from osgeo import osr

osr.UseExceptions()
# EPSG code: longitude and latitude of a place inside its area of use
PLACES = {4326: (12.5, 41.9), 4258: (12.5, 41.9), 4269: (-100.1, 40.2), 7844: (149.1, -35.3), 32601: (-179.2, 52.1), 32633: (14.9, 46.0),
          32733: (16.2, -22.9), 32760: (178.9, -17.8), 25832: (9.1, 50.5), 26913: (-104.6, 39.7), 28355: (146.8, -36.0), 7855: (146.8, -36.0),
          2193: (172.6, -41.5), 5070: (-96.3, 41.2), 3577: (134.0, -25.0), 3031: (95.0, -70.0), 3413: (-40.0, 72.0), 2056: (7.4, 46.9),
          3035: (10.3, 52.4), 2154: (2.4, 48.6), 26711: (-117.6, 33.9), 31982: (-51.2, -20.1), 6933: (30.0, 12.0)}
mercator = osr.SpatialReference()
mercator.ImportFromEPSG(3857)
points = []
for code, (lng, lat) in PLACES.items():
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(code)
    srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    for dx, dy in ((0, 0), (0.3, -0.2), (-0.07, 0.25)):
        x = math.radians(lng + dx) * 6378137
        y = math.log(math.tan(math.pi / 4 + math.radians(lat + dy) / 2)) * 6378137
        u, v, _ = osr.CoordinateTransformation(mercator, srs).TransformPoint(x, y)
        points.append(dict(code=code, x=x, y=y, u=u, v=v))
with open(os.path.join(sys.argv[1], 'crs.json'), 'w') as f:
    f.write(json.dumps(points, indent=1) + '\n')
