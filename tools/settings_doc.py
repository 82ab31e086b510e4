"""Write ``docs/settings.md`` from `duologue.settings.Settings`.

python tools/settings_doc.py
"""

from __future__ import annotations

from pathlib import Path

from duologue.settings import markdown

TARGET = Path(__file__).parent.parent / "docs" / "settings.md"

if __name__ == "__main__":
    TARGET.write_text(markdown())
