"""Prints which torch is installed, and whether the operators load beside it, for ``hipnn-ts
doctor``.

It runs in a separate process, because importing torch takes seconds and libraries that do not fit
together end the process. It prints three lines: torch's version, the usable GPU (or nothing), and
why the operators do not load (or nothing).
"""

import torch


def main() -> None:
    """Print the three lines."""
    print(torch.__version__)
    print(torch.cuda.get_device_name() if torch.cuda.is_available() else "")
    try:
        from hipnn_ts import operators  # noqa: F401  which registers them
    except (OSError, RuntimeError, ValueError) as error:
        print(" ".join(str(error).split()))
    else:
        print()


if __name__ == "__main__":
    main()
