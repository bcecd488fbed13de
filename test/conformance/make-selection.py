"""Makes arrays/selection.bin.gz and arrays/selection.json, the arrays of selection.test.ts, with rio-tiler's mosaic methods.

usage: python3 make-selection.py FOLDER     (rio-tiler 9.4 or later, numpy)

For each stack of small random scenes: the scenes (bands, then the mask, 255 = valid), then what every method makes of
them (bands, then the mask). Little-endian, one after the other, in the order of selection.json. Mean, median and sum are
taken before rio-tiler casts them to the dtype of the scenes: there it truncates and wraps, and Tilewright does not.
"""
import gzip, json, os, sys
from importlib.metadata import version
import numpy as np
from rio_tiler.mosaic.methods import defaults as methods

OUT = sys.argv[1]
SIZE, BANDS = 6, 3
METHODS = {
    'first': methods.FirstMethod, 'highest': methods.HighestMethod, 'lowest': methods.LowestMethod,
    'mean': lambda: methods.MeanMethod(enforce_data_type=False),
    'median': lambda: methods.MedianMethod(enforce_data_type=False),
    'stdev': methods.StdevMethod, 'sum': lambda: methods.SumMethod(enforce_data_type=False),
    'count': methods.CountMethod, 'lastBandHigh': methods.LastBandHighMethod, 'lastBandLow': methods.LastBandLowMethod,
}
# dtype, least and greatest value, scenes. A narrow range has many equal values.
STACKS = [('uint8', 0, 255, 5), ('uint8', 0, 4, 6), ('uint16', 0, 65535, 4), ('int16', -3000, 3000, 5),
          ('int16', -2, 2, 8), ('float32', -1, 1, 5), ('float64', -1e6, 1e6, 4), ('int32', -2**31, 2**31 - 1, 3)]

random = np.random.default_rng(20261122)
chunks, stacks = [], []


def add(bands, mask):
    chunks.append(bands.astype(bands.dtype.newbyteorder('<')).tobytes() + np.where(mask, 0, 255).astype('u1').tobytes())


for dtype, low, high, count in STACKS:
    scenes = []
    for _ in range(count):
        shape = (BANDS, SIZE, SIZE)
        if dtype.startswith('float'):
            data = random.uniform(low, high, shape).astype(dtype)
        else:
            data = random.integers(low, high, shape, dtype=np.int64, endpoint=True).astype(dtype)
        # One mask for all bands: a pixel of a scene is valid or not.
        hidden = random.random((SIZE, SIZE)) < 0.4
        hidden[0, 0] = True
        data[:, hidden] = 0
        scenes.append(np.ma.MaskedArray(data, np.broadcast_to(hidden, shape).copy()))
        add(data, hidden)
    results = []
    for name, create in METHODS.items():
        method = create()
        for scene in scenes:
            method.feed(scene.copy())
        result = method.data
        data = np.atleast_3d(result.data) if result.ndim == 3 else result.data[np.newaxis]
        mask = np.ma.getmaskarray(result)
        mask = mask[0] if mask.ndim == 3 else mask
        if data.dtype not in (np.dtype(d) for d in ('u1', 'i2', 'u2', 'i4', 'f4')):
            data = data.astype('f8')
        data = np.where(mask, np.zeros((), data.dtype), data)
        add(data, mask)
        results.append(dict(method=name, dtype=data.dtype.name, bands=data.shape[0]))
    stacks.append(dict(dtype=dtype, range=[low, high], scenes=count, results=results))

with open(os.path.join(OUT, 'selection.bin.gz'), 'wb') as f:
    f.write(gzip.compress(b''.join(chunks), 9, mtime=0))
with open(os.path.join(OUT, 'selection.json'), 'w') as f:
    f.write(json.dumps(dict(rioTiler=version('rio-tiler'), numpy=np.__version__, size=SIZE, bands=BANDS, stacks=stacks), indent=1) + '\n')
print(len(stacks), 'stacks', sum(map(len, chunks)), 'bytes')
