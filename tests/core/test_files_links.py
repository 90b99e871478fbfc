"""Permissions, symbolic links and special files as targets of a write."""

import os
import stat
from pathlib import Path

import pytest

from seqforge.core.files import replacing, write_text
from seqforge.errors import WriteError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX systems")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_permissions_of_replaced_file_are_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_temporary_file_of_private_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.touch(mode=0o600)
    with replacing(path) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600


@pytest.mark.parametrize("relative", [True, False])
def test_symbolic_link_is_kept_and_its_target_is_replaced(tmp_path: Path, relative: bool) -> None:
    target = tmp_path / "data" / "a.txt"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o600)
    link = tmp_path / "link.txt"
    link.symlink_to("data/a.txt" if relative else target)
    write_text(link, "new")
    assert link.is_symlink() and target.read_text() == "new" and not target.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in target.parent.iterdir()) == ["a.txt"]


def test_link_to_missing_file_creates_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to("a.txt")
    write_text(link, "new")
    assert link.is_symlink() and (tmp_path / "a.txt").read_text() == "new"


def test_failed_write_through_link_keeps_target(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("a.txt")
    with pytest.raises(ValueError), replacing(tmp_path / "link.txt") as temporary:
        temporary.write_text("half")
        raise ValueError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "link.txt"]


def test_links_in_a_loop_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    with pytest.raises(WriteError, match=r"a\.txt"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").is_symlink()


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "null.txt").symlink_to("/dev/null")
    for name in ("pipe.txt", "null.txt"):
        with pytest.raises(WriteError, match="is a pipe or a device"):
            write_text(tmp_path / name, "new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["null.txt", "pipe.txt"]


def test_lone_surrogate_is_written_as_escape(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", '"caf\udce9"')
    assert (tmp_path / "a.txt").read_bytes() == b'"caf\\udce9"'
