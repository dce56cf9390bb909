"""El código del README se ejecuta tal cual, como lo copiaría quien llega."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_first_block_is_about_ten_lines():
    assert len(BLOCKS) == 2 and len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 12


@pytest.mark.parametrize("block", BLOCKS, ids=["tres ayudas", "una corrida"])
def test_the_code_of_the_readme_runs_as_it_stands(block, tmp_path):
    if "book/runs" in block:
        (tmp_path / "book").symlink_to(ROOT / "book", target_is_directory=True)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    if "record(" in block:
        assert (tmp_path / "partida.gif").stat().st_size > 1_000 and (tmp_path / "curvas.png").is_file()
        assert {"rewards", "loss"} <= {path.stem for path in tmp_path.rglob("*.csv")}
    else:
        assert "'games': 3" in done.stdout and "'hns'" in done.stdout
