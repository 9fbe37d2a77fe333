"""The version that runs record, read from real git repositories."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows import version
from flows.version import RELEASE, code_version, read_commit_version, read_installed_version

IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def git(root: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", *IDENTITY, *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / "tracked.py").write_text("VALUE = 1\n")
    git(root, "add", "tracked.py")
    git(root, "commit", "--quiet", "--message", "First")
    return root


def test_a_clean_work_tree_gives_release_and_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "--short=10", "HEAD")
    assert read_commit_version(checkout) == f"{RELEASE}+g{commit}"


def test_a_changed_tracked_file_is_dirty_staged_or_not(checkout: Path) -> None:
    clean = read_commit_version(checkout)
    (checkout / "tracked.py").write_text("VALUE = 2\n")
    assert read_commit_version(checkout) == f"{clean}.dirty"
    git(checkout, "add", "tracked.py")
    assert read_commit_version(checkout) == f"{clean}.dirty"


def test_an_untracked_file_is_not_dirty(checkout: Path) -> None:
    clean = read_commit_version(checkout)
    (checkout / "untracked.py").write_text("")
    assert read_commit_version(checkout) == clean


def test_tags_change_nothing(checkout: Path) -> None:
    before = read_commit_version(checkout)
    git(checkout, "tag", "v9.0.0")
    git(checkout, "tag", "--annotate", "--message", "Ninth", "v9.0.1")
    assert read_commit_version(checkout) == before


def test_a_linked_work_tree_names_its_own_commit(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    git(tmp_path / "linked", "commit", "--quiet", "--allow-empty", "--message", "Second")
    commit = git(tmp_path / "linked", "rev-parse", "--short=10", "HEAD")
    assert read_commit_version(tmp_path / "linked") == f"{RELEASE}+g{commit}"


def test_a_git_dir_in_the_environment_names_no_other_repository(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_commit_version(checkout)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    git(other, "commit", "--quiet", "--allow-empty", "--message", "Elsewhere")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert read_commit_version(checkout) == expected


def test_a_folder_inside_a_foreign_work_tree_is_no_checkout(checkout: Path) -> None:
    (checkout / "site-packages").mkdir()
    assert read_commit_version(checkout / "site-packages") is None


def test_a_repository_without_a_commit_gives_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert read_commit_version(tmp_path) is None


def test_without_git_the_installed_version_counts(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_commit_version(checkout) is None


def test_a_git_that_hangs_is_given_up(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git").write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_commit_version(checkout, seconds=0.2) is None


def test_where_nothing_is_installed_the_release_counts() -> None:
    assert read_installed_version("no-such-distribution") == RELEASE


def test_the_version_is_read_once_per_process() -> None:
    assert code_version() is code_version()


def test_the_newest_section_of_the_changelog_is_the_release() -> None:
    changelog = (Path(version.__file__).parents[1] / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## \[([\d.]+)\]", changelog, re.MULTILINE)
    assert sections[0] == RELEASE
