"""Whether tests run on the build of `make sanitize`."""

import os

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
