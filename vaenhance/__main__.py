"""Makes ``python -m vaenhance`` the same as ``vaenhance``."""

from __future__ import annotations

from vaenhance.cli import main

if __name__ == "__main__":
    main()
