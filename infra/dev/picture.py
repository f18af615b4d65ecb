"""A picture of what a command prints, as the README has one: `python -m infra.dev.picture FILE.svg COMMAND...`."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 118
# A comment, and fonts that would be fetched from elsewhere: any of fixed width does.
LEFT_OUT = re.compile(r"@font-face \{.*?\}\s*|\s*<!--.*?-->", re.DOTALL)


def main(file: str, *command: str) -> int:
    """Runs the command as it stands, and saves what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=None)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        return done.returncode
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text(done.stdout.rstrip("\n")), no_wrap=True, crop=True)
    picture = console.export_svg(title=" ".join(command), theme=MONOKAI, unique_id="picture")
    Path(file).write_text(LEFT_OUT.sub("", picture), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
