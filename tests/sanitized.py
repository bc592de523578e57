"""Tell whether tests run with the build of `make sanitize`."""

import os

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
