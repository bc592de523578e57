import os
import warnings
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def plain_kernels():
    """hippynn's sums in plain torch: nothing to compile, and exact in double precision."""
    import hippynn

    before = hippynn.custom_kernels.CUSTOM_KERNELS_ACTIVE, hippynn.settings.WARN_LOW_DISTANCES
    hippynn.settings.WARN_LOW_DISTANCES = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hippynn calls this kernel non-standard
        hippynn.custom_kernels.set_custom_kernels("_pytorch_raw_wrapped")
        yield
        hippynn.custom_kernels.set_custom_kernels(before[0])
    hippynn.settings.WARN_LOW_DISTANCES = before[1]


@pytest.fixture(scope="session")
def shared_data():
    """Folder of published data; tests that need it skip without."""
    folder = Path(os.environ.get("HIPNN_TS_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no published data at {folder}; set HIPNN_TS_SHARED_DATA")
    return folder
