"""Opens phase, trajectories and boundary .nc of a folder with xarray and compares every value with the .csv in pandas."""
import sys

import numpy as np
import pandas as pd
import xarray as xr

STATUS = ["pending", "running", "done", "diverged", "failed", "absent"]
AXES = {"phase": ["batch", "point"], "trajectories": ["batch", "point", "seed", "record"], "boundary": ["batch"]}

for table, axes in AXES.items():
    frame = pd.read_csv(f"{sys.argv[1]}/{table}.csv", float_precision="round_trip")
    for engine in ("netcdf4", "h5netcdf"):
        data = xr.open_dataset(f"{sys.argv[1]}/{table}.nc", engine=engine)
        places = {axis: xr.DataArray(frame[axis].to_numpy(), dims="row") for axis in axes}
        for column in frame.columns.drop(axes):
            expected = frame[column]
            if column == "status":
                expected = expected.map(STATUS.index)
            array = data[column]
            found = array.sel({axis: places[axis] for axis in array.dims}).to_numpy()
            np.testing.assert_array_equal(found, expected.to_numpy(), err_msg=f"{table}.{column} by {engine}")
        if table != "boundary":
            assert "eta" in data.coords and "eta_over_batch" in data.coords, data
            assert set(data["eta"].dims) == {"batch", "point"}
