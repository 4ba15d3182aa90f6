"""Opens the store and the table that make_example_store (argv[1]) makes, with the programs that people use."""
import subprocess
import sys
import tempfile

import numpy as np
import xarray

import open_store

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    path = folder + "/s.h5"
    open_store.check_store(path)
    for engine in ("h5netcdf", "netcdf4"):
        with xarray.open_dataset(path, engine=engine) as data:
            assert data.title == "η × B", data.title
            assert len(data.sweep_json) > 100_000
            assert data.sizes == {"batch": 3, "point": 3, "seed": 2, "record": 6, "eigenvalue": 2}, data.sizes
            np.testing.assert_array_equal(data.eta[2], [0.125, 0.25, np.nan])
            np.testing.assert_array_equal(data.eta_over_batch[1], [0.03125, 0.0625, 0.09375])
            np.testing.assert_array_equal(data.status[:, :, 0], [[2, 0, 0], [0, 0, 0], [0, 0, 5]])
            np.testing.assert_array_equal(data.status[:, :, 1], [[3, 0, 0], [0, 0, 0], [0, 0, 5]])
            np.testing.assert_array_equal(data.records[0, 0], [6, 1])
            np.testing.assert_allclose(data.K.sel(batch=1, point=0, seed=7), 3000 + 0.01 * np.arange(6), rtol=1e-15)
            assert np.isnan(data.K.sel(batch=1, point=0, seed=11)[1:]).all()
            np.testing.assert_array_equal(data.hessian_lambda_max[0, 0, 1, 0], [4001, 5001])
            assert data.wall_seconds.dtype == "float64" and float(data.wall_seconds[0, 0, 0]) == 2.5
        with xarray.open_dataset(folder + "/t.nc", engine=engine) as data:
            assert data.title == "A table" and "eta" in data.K.coords
            np.testing.assert_array_equal(data.batch, [1, 4])
            np.testing.assert_array_equal(data.point, [0, 1, 2])
            np.testing.assert_array_equal(data.K, [[6, 5, 4], [3, 2, 1]])
            assert data.done.dtype == "int64" and int(data.done.sel(batch=4, point=2)) == 2
