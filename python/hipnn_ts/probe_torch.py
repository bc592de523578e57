"""Which torch is here, and do the operators load beside it: what ``hipnn-ts doctor`` runs.

In a process of its own: importing torch takes seconds, and libraries that do not fit together end
the process. Prints three lines: torch's version, the GPU that it can use (or nothing), and why the
operators do not load (or nothing).
"""

import torch


def main() -> None:
    """Print them."""
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
