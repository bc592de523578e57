import warnings

import pytest


@pytest.fixture(scope="module", autouse=True)
def plain_kernels():
    """Let hippynn sum in plain torch: nothing to compile, and full double precision."""
    import hippynn

    before = hippynn.custom_kernels.CUSTOM_KERNELS_ACTIVE, hippynn.settings.WARN_LOW_DISTANCES
    hippynn.settings.WARN_LOW_DISTANCES = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hippynn calls this kernel non-standard
        hippynn.custom_kernels.set_custom_kernels("_pytorch_raw_wrapped")
        yield
        hippynn.custom_kernels.set_custom_kernels(before[0])
    hippynn.settings.WARN_LOW_DISTANCES = before[1]
